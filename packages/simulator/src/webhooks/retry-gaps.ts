const FIRST_GAP_MS = 250
const LONGEST_GAP_MS = 12 * 3_600_000

/** Meta gives a webhook up after 7 days. */
export const RETRY_LIFE_MS = 7 * 24 * 3_600_000

/** Simulated time until the try after this many: none, then 250 ms, 500 ms, 1 s, ... doubling up to 12 h. */
export function retryGapMs(tries: number): number {
  return tries <= 1 ? 0 : Math.min(LONGEST_GAP_MS, FIRST_GAP_MS * 2 ** (tries - 2))
}
