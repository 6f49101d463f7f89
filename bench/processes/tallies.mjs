/** What became of the requests of a load. */

/** Counts answers by their status. */
export function createTally() {
  const statuses = {}
  return {
    statuses,
    add: (status) => void (statuses[status] = (statuses[status] ?? 0) + 1),
    refused: () =>
      Object.entries(statuses).reduce((sum, [status, times]) => sum + (status < 300 ? 0 : times), 0),
  }
}

/** @param values in milliseconds. A part that they are too few for is left out. */
export function latencies(values) {
  const sorted = Float64Array.from(values).sort()
  const at = (part) => (sorted.length * (1 - part) < 1 ? undefined : sorted[Math.floor(part * sorted.length)])
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), most: sorted.at(-1) }
}
