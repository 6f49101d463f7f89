const WAITING_CAP = 20_000

/** What waits for phones that cannot be reached, by number. At most 20,000 in all; beyond that the oldest go. */
export function createWaitingPhones<T>() {
  const phones = new Map<string, Set<T>>()
  let size = 0

  function remove(number: string, item: T): boolean {
    const items = phones.get(number)
    if (items?.delete(item) !== true) return false
    size -= 1
    if (items.size === 0) phones.delete(number)
    return true
  }

  function dropOldest(): void {
    for (const [number, items] of phones) for (const item of items) return void remove(number, item)
  }

  return {
    add(number: string, item: T): void {
      const items = phones.get(number) ?? new Set<T>()
      phones.set(number, items.add(item))
      size += 1
      if (size > WAITING_CAP) dropOldest()
    },
    /** False: it had stopped waiting. */
    remove,
    /** Everything that waits for this phone, oldest first; it waits no longer. */
    take(number: string): T[] {
      const items = [...(phones.get(number) ?? [])]
      for (const item of items) remove(number, item)
      return items
    },
    numbers: () => [...phones.keys()],
    clear(): void {
      phones.clear()
      size = 0
    },
  }
}
