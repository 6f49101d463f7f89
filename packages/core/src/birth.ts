/**
 * What Redis is given of a message that comes into being: its record and its sealed content, the moment at which it is looked at whatever
 * became of its job, and its place in the count of its app.
 */
import { writeRecord } from './message-record.ts'
import { fallBackAt, type Message } from './message.ts'

const RECORD_KEPT_MS = 24 * 3600 * 1000

/** Of a message of a test key nothing is left an hour after it was accepted. */
const TEST_KEPT_MS = 3600 * 1000

/** A message that comes into being, as `BEAR` reads it. Times are milliseconds since 1970. */
export type Birth = {
  id: string
  app: string
  /** Names and values by turns. */
  fields: string[]
  keptUntil: number
  /** Sealed. */
  content: string
  expiresAt: number
  timer: number
}

/** @param deliverWithinMs as for `fallBackAt` */
export function birthOf(message: Message, sealedContent: string, deliverWithinMs: number | undefined): Birth {
  const { id, app, acceptedAt, expiresAt } = message
  return {
    id,
    app,
    fields: Object.entries(writeRecord(message)).flat(),
    keptUntil: message.isTest ? acceptedAt + TEST_KEPT_MS : expiresAt + RECORD_KEPT_MS,
    content: sealedContent,
    expiresAt,
    timer: fallBackAt(message, deliverWithinMs),
  }
}

/** For scripts: `bear(timers, unsettled, record, content, birth)`, all of them keys but the last. False, and nothing is done, when there is a record. */
export const BEAR = `
local function bear(timers, unsettled, record, content, birth)
  if redis.call('EXISTS', record) == 1 then return false end
  redis.call('HSET', record, unpack(birth.fields))
  redis.call('PEXPIREAT', record, birth.keptUntil)
  redis.call('SET', content, birth.content, 'PXAT', birth.expiresAt)
  redis.call('ZADD', timers, birth.timer, birth.id)
  redis.call('HINCRBY', unsettled, birth.app, 1)
  return true
end
`
