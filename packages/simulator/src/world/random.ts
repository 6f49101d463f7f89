/** Draws from 0 to 1, exclusive. */
export type Draw = () => number

/**
 * Streams of draws, all from one seed. What one stream draws changes no other, so that the same things happen to
 * message 17 however many others were under way.
 */
export function createRandom(seed: number) {
  const streams = new Map<string, { start: number; draw: Draw }>()

  function named(name: string) {
    const known = streams.get(name)
    if (known !== undefined) return known
    const start = mix(seed ^ hashOf(name))
    const stream = { start, draw: mulberry(start) }
    streams.set(name, stream)
    return stream
  }

  return {
    /** The stream of this name, continued by each caller. With `index`: a stream of its own, from its start. */
    stream(name: string, index?: number): Draw {
      const { start, draw } = named(name)
      return index === undefined ? draw : mulberry(mix(start + Math.imul(index + 1, 0x9e3779b1)))
    },
  }
}

export type Random = ReturnType<typeof createRandom>

function mulberry(start: number): Draw {
  let state = start >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function mix(value: number): number {
  const half = Math.imul(value ^ (value >>> 16), 0x45d9f3b)
  return (half ^ (half >>> 16)) >>> 0
}

function hashOf(name: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < name.length; at += 1) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193)
  return hash
}
