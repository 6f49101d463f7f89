/** Times as people read them. */

/** A moment in milliseconds since 1970, as it is shown in tables and JSON. */
export function iso(at: number): string {
  return new Date(at).toISOString()
}

/** `2027-01-21 10:00 UTC` */
export function day(iso: string): string {
  return `${iso.slice(0, 16).replace('T', ' ')} UTC`
}

/** A length of time in its largest unit, rounded down: `59 days`. */
export function span(ms: number): string {
  const units = [
    ['day', 86_400_000],
    ['hour', 3_600_000],
    ['minute', 60_000],
  ] as const
  for (const [unit, length] of units) {
    const count = Math.floor(ms / length)
    if (count >= 1) return `${count} ${unit}${count === 1 ? '' : 's'}`
  }
  return `${Math.max(0, Math.floor(ms / 1000))} s`
}
