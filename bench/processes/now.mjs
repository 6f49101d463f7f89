/** Milliseconds of the clock that all processes of a machine share, and nobody sets. */
export function nowMs() {
  const [seconds, nanos] = process.hrtime()
  return seconds * 1000 + nanos / 1e6
}
