/**
 * Finds the highest place of a ladder that holds, if each that is below one that holds does too: goes by strides, up or down, until it knows one
 * that holds and one that does not, then halves what is between.
 * @param options.from where it begins
 * @param options.most how many places there are
 * @param options.holds asked for a place, answers (a promise of) whether it holds
 * @returns -1 when not even the lowest does
 */
export async function highestHeld({ from, stride, most, holds }) {
  let low = -1
  let high = most
  for (let place = from; high - low > 1; place = next()) {
    if (await holds(place)) low = place
    else high = place
  }
  return low

  function next() {
    if (high === most) return Math.min(low + stride, most - 1)
    if (low === -1) return Math.max(high - stride, 0)
    return (low + high) >> 1
  }
}
