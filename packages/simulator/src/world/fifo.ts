/** A queue whose head can be taken, and put back, without moving the rest. */
export function createFifo<T>() {
  let items: (T | undefined)[] = []
  let head = 0
  return {
    push: (item: T) => void items.push(item),
    /** Takes the oldest. */
    shift(): T | undefined {
      if (head >= items.length) return undefined
      const item = items[head]
      items[head] = undefined
      head += 1
      // Cut in halves: cutting at every shift would move the whole queue each time.
      if (head > 1024 && head * 2 > items.length) {
        items = items.slice(head)
        head = 0
      }
      return item
    },
    /** Puts one before the oldest. */
    unshift(item: T): void {
      if (head === 0) return void items.unshift(item)
      head -= 1
      items[head] = item
    },
    clear(): void {
      items = []
      head = 0
    },
  }
}
