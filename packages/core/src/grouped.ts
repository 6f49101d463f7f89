/**
 * One round trip for all that ask at the same moment. A caller asks for itself and gets its own answer; what was asked in one turn of the
 * event loop, or while enough calls were on their way, goes to Redis together. Where little is going on nobody waits for anybody. What was
 * given up by then does not go at all.
 */

/** Says that somebody has given up. An `AbortSignal` does; what is made for every request may be less. */
export type Late = Pick<AbortSignal, 'aborted' | 'throwIfAborted'>

type Asking<Item, Answer> = {
  item: Item
  resolve: (answer: Answer) => void
  reject: (error: unknown) => void
}

/**
 * @param options.call answers a group, in order; when it fails all of the group fail, and those that wait for theirs
 * @param options.lateOf who asks gives up when this is aborted: an item that waits for its group then is left out, and rejects
 * @param options.most the largest group
 * @param options.inFlight so many calls may be on their way; who asks meanwhile forms the next groups
 */
export function createGrouped<Item, Answer>(options: {
  call: (items: Item[]) => Promise<Answer[]>
  most: number
  inFlight: number
  lateOf?: (item: Item) => Late | undefined
}): (item: Item) => Promise<Answer> {
  let asking: Asking<Item, Answer>[] = []
  let calls = 0
  let isDue = false

  return (item) =>
    new Promise((resolve, reject) => {
      asking.push({ item, resolve, reject })
      if (isDue || calls >= options.inFlight) return
      isDue = true
      setImmediate(start)
    })

  function start(): void {
    isDue = false
    if (options.lateOf) asking = asking.filter(isStillAsked)
    while (asking.length > 0 && calls < options.inFlight) {
      const group = asking.slice(0, options.most)
      asking = asking.slice(options.most)
      void answer(group)
    }
  }

  function isStillAsked({ item, reject }: Asking<Item, Answer>): boolean {
    if (!options.lateOf?.(item)?.aborted) return true
    reject(new Error('given up before it was asked'))
    return false
  }

  async function answer(group: Asking<Item, Answer>[]): Promise<void> {
    calls += 1
    try {
      const answers = await options.call(group.map(({ item }) => item))
      for (const [i, { resolve }] of group.entries()) resolve(answers[i] as Answer)
    } catch (error) {
      // Who waits behind a call that failed would wait as long once more.
      for (const { reject } of [...group, ...asking]) reject(error)
      asking = []
    } finally {
      calls -= 1
      start()
    }
  }
}
