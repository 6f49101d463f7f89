/** A line that a person writes, to be read by others in the audit. */
import { Type } from 'typebox'

/** No control characters, nothing that turns the direction of writing, and no blanks around it. */
const UNSEEN = '\\p{Cc}\\p{Cs}\\p{Zl}\\p{Zp}\\p{Bidi_C}'
const ONE_LINE = `^[^\\s${UNSEEN}][^${UNSEEN}]{1,198}[^\\s${UNSEEN}]$`

/** @param description what it is for */
export const OneLine = (description: string): ReturnType<typeof Type.String> =>
  Type.String({ pattern: ONE_LINE, description: `${description}, in one line of 3 to 200 characters` })
