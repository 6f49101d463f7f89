/** Draws that a seed decides: the same seed and names give the same draws, whatever else is drawn. */

export type Draw = {
  /** From 0 up to 1, without 1. */
  next(): number
  /** A number between two bounds. */
  between(min: number, max: number): number
  /** A whole number from 0 up to `count`, without `count`. */
  below(count: number): number
  pick<Item>(items: readonly Item[]): Item
  /** The same items in another order. */
  shuffle<Item>(items: readonly Item[]): Item[]
}

/** @param names a stream of its own for each thing that draws: one more draw here changes nothing there */
export function createDraw(seed: number, ...names: (string | number)[]): Draw {
  let state = hash(`${seed}/${names.join('/')}`)

  /** Mulberry32: small, and good enough to choose victims. */
  function next(): number {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  const between = (min: number, max: number) => min + next() * (max - min)
  const below = (count: number) => Math.floor(next() * count)

  function pick<Item>(items: readonly Item[]): Item {
    if (items.length === 0) throw new RangeError('nothing to draw from')
    return items[below(items.length)] as Item
  }

  function shuffle<Item>(items: readonly Item[]): Item[] {
    const keyed = items.map((item) => ({ item, key: next() }))
    return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item)
  }

  return { next, between, below, pick, shuffle }
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i += 1) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  return value | 0
}
