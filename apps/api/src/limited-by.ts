/** What an app is told of a message that a limit refuses. */
import type { Refusal } from '@relais/core'
import { ProblemError, type ProblemCode } from './problem.ts'

const PREFIX_LIMITED = {
  code: 'prefix_limited',
  what: 'Numbers like this one have had enough messages for now.',
} as const

/** Which of the limits it was, and nothing of what is known about others. */
const REFUSALS: Record<Refusal['limit'], { code: ProblemCode; what: string }> = {
  recipient: { code: 'recipient_limited', what: 'This recipient has had enough messages for now.' },
  source: { code: 'source_limited', what: 'Too many messages were asked for from this address for now.' },
  app: { code: 'app_limited', what: 'This app has sent as many messages as it may in a day.' },
  prefix: PREFIX_LIMITED,
  guard: PREFIX_LIMITED,
  stop: PREFIX_LIMITED,
}

/** The message would be accepted after the time that is told, and not before, if nothing else is sent meanwhile. */
export function limitedBy({ limit, waitMs }: Refusal): ProblemError {
  const retryAfterSeconds = Math.ceil(waitMs / 1000)
  const { code, what } = REFUSALS[limit]
  return new ProblemError(429, code, `${what} Try again in ${retryAfterSeconds} s.`, { retryAfterSeconds })
}
