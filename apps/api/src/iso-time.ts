import { Type } from 'typebox'

/** How the API writes a moment; inside, times are milliseconds since 1970. */
export const IsoTime = Type.String({ format: 'date-time' })

export function isoTime(time: number): string {
  return new Date(time).toISOString()
}

/** `null` for what never happens, has not happened, or is not known. */
export function isoTimeOrNull(time: number | null | undefined): string | null {
  return time === null || time === undefined ? null : isoTime(time)
}

/** A value that may be unknown, or not apply. */
export const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()])
