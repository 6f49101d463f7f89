/**
 * What Redis is given of a message that comes into being: its record and its sealed content, what it is found by, the moment at which it is
 * looked at whatever became of its job, and its place in the count of its app.
 */
import { OPEN_INDEX, type IndexEntries, type IndexWriter } from './message-index.ts'
import { writeRecord } from './message-record.ts'
import { fallBackAt, type Message } from './message.ts'

const RECORD_KEPT_MS = 24 * 3600 * 1000

/** Of a message of a test key nothing is left an hour after it was accepted. */
const TEST_KEPT_MS = 3600 * 1000

/** A message that comes into being, as `OPEN_BIRTHS` reads it. Times are milliseconds since 1970. */
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
  foundBy: IndexEntries
}

/** @param how.deliverWithinMs as for `fallBackAt` */
export function birthOf(
  message: Message,
  sealedContent: string,
  how: { deliverWithinMs: number | undefined; writer: IndexWriter },
): Birth {
  const { id, app, acceptedAt, expiresAt } = message
  return {
    id,
    app,
    fields: writeRecord(message),
    keptUntil: message.isTest ? acceptedAt + TEST_KEPT_MS : expiresAt + RECORD_KEPT_MS,
    content: sealedContent,
    expiresAt,
    timer: fallBackAt(message, how.deliverWithinMs),
    foundBy: how.writer.ofMessage(message),
  }
}

/**
 * For scripts: `openBirths(timers, unsettled)` gives two functions. One writes the record and the content of a message and has it
 * found, and answers false when
 * there is a record already, which then stays as it is; the other is called when all are written.
 */
export const OPEN_BIRTHS = `
${OPEN_INDEX}
local function openBirths(timers, unsettled)
  local moments, counts = {}, {}
  local function bear(record, content, birth)
    if redis.call('EXISTS', record) == 1 then return false end
    redis.call('HSET', record, unpack(birth.fields))
    redis.call('PEXPIREAT', record, birth.keptUntil)
    redis.call('SET', content, birth.content, 'PXAT', birth.expiresAt)
    index(birth.foundBy)
    moments[#moments + 1] = birth.timer
    moments[#moments + 1] = birth.id
    counts[birth.app] = (counts[birth.app] or 0) + 1
    return true
  end
  local function keep()
    if #moments == 0 then return end
    redis.call('ZADD', timers, unpack(moments))
    for app, count in pairs(counts) do redis.call('HINCRBY', unsettled, app, count) end
  end
  return bear, keep
end
`
