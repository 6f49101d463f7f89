/** Medians, ranges, ratios. */

/** @returns { median, low, high } */
export function spread(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  return { median, low: sorted[0], high: sorted.at(-1) }
}

/** The spread of what each round's value is to that of another side in the same round. */
export function ratioSpread(values, others) {
  return spread(values.map((value, round) => value / others[round]))
}

/** Three digits that mean something, with thousands apart. */
export function shown(value) {
  if (typeof value !== 'number' || !Number.isFinite(value)) return '-'
  const size = Math.abs(value)
  if (size >= 100) return Math.round(value).toLocaleString('en-US')
  return String(Number(value.toPrecision(size >= 1 ? 3 : 2)))
}
