/** The steps of the path by the commands that make them: what a test looks for on a link between a process and Redis. */
import type { CommandMatch, RedisCommand } from '@relais/testing'

type Queue = 'messages' | 'fallback' | 'receipts'

const has =
  (test: (argument: string) => boolean): CommandMatch =>
  (command) =>
    command.some(test)
const isRecord = has((argument) => argument.includes(':message:msg_'))

/** A request comes in by the door, with an idempotency key. */
export const admits = has((argument) => argument.includes(':idempotency:'))

/** A new message is taken in: record, place in the order and job. */
export const accepts: CommandMatch = has((argument) => argument.includes('"fields":['))

/** A message moves. */
export const moves =
  (to: string): CommandMatch =>
  (command) =>
    isRecord(command) && command.some((argument) => argument.includes(`"to":"${to}"`))

/** The worker itself notes that Meta took the message; a receipt that says so is another step. */
export const notesSent: CommandMatch = (command) =>
  moves('sent')(command) && command.some((argument) => argument.includes('"said":" +"'))

/** The fallback is decided. */
export const decides: CommandMatch = (command) =>
  isRecord(command) && command.some((argument) => argument.includes('"set":{"reason"'))

/** A message is read from its record. */
export const reads: CommandMatch = (command) => command[0] === 'hgetall' && isRecord(command)

/** A slot of the sender's pace is taken, by itself. */
export const takesSlot: CommandMatch = (command) =>
  command.some((argument) => argument.includes(':pace:')) && command.includes('[{}]')

/** A message is claimed, which has been in this state. */
export const claims =
  (from: 'queued' | 'uncertain'): CommandMatch =>
  (command) =>
    isRecord(command) && command.some((argument) => argument.includes(`"from":"${from}"`))

/** A job is put on a queue. */
export const adds = (queue: Queue): CommandMatch => has((argument) => argument.endsWith(`:${queue}:id`))

/** A job is done, or failed for good. */
export const finishes = (queue: Queue): CommandMatch =>
  has((argument) => argument.includes(`:${queue}:metrics:`))

/** The API notes when a webhook came last. */
export const notesWebhook = has((argument) => argument.endsWith(':last-receipt'))

/** A message's job is put off. */
export const putsOff: CommandMatch = (command) =>
  command.some((argument) => argument.includes(':messages:msg_')) &&
  command.some((argument) => argument.endsWith(':messages:delayed')) &&
  !finishes('messages')(command)

/** The first fitting command after one that fits `first`. */
export function next(first: CommandMatch, then: CommandMatch): CommandMatch {
  let isFirstPast = false
  return (command) => {
    if (isFirstPast) return then(command)
    isFirstPast = first(command)
    return false
  }
}

/** The key in this command that looks like this. */
export function keyOf(command: RedisCommand, pattern: RegExp): string {
  const key = command.find((argument) => pattern.test(argument))
  if (key === undefined) throw new Error(`no key like ${pattern}`)
  return key
}
