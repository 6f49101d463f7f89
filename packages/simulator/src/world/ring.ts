/** A list that keeps its newest `cap` items. */
export function createRing<T>(cap: number) {
  let items: T[] = []
  let total = 0
  return {
    push(item: T): void {
      total += 1
      items.push(item)
      // Cut in halves: shifting one by one would cost the whole list at every push.
      if (items.length >= 2 * cap) items = items.slice(-cap)
    },
    /** Oldest first. */
    list: (): T[] => items.slice(-cap),
    /** Everything ever pushed, also what is no longer kept. */
    total: () => total,
    clear(): void {
      items = []
      total = 0
    },
  }
}
