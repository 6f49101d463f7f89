/**
 * How messages are found: by their recipient, by the reference that their app gave, and by Meta's id. None of these stands readable in the
 * index: what stands there is the beginning of a keyed digest (`keyed-digest.ts`), and our id behind it.
 *
 * Every message pays for it, so an entry takes some forty bytes. Entries of a day stand in many small sorted sets, by the first two characters
 * of their digest, and once such a set is full by the first three: so each is small enough for Redis to keep it in one piece. All scores are
 * zero, and entries with the same digest are in the order of time.
 *
 *     u3Xk90aB  7yz  n0Zk...   recipient and reference: digest, time of the day, our id without its `msg_`
 *     u3Xk90aBq1Zw  n0Zk...    Meta's id: digest, our id
 *
 * A digest is cut short, and the one of Meta's id long enough: whoever finds a message by its recipient or reference compares it with the record.
 * The entries are written by the scripts that write the records. A day's sets go when the last record that they can lead to is gone.
 */
import type { Result } from 'ioredis'
import { createKeyedDigest } from './keyed-digest.ts'
import type { Keys } from './keys.ts'
import type { Message } from './message.ts'
import type { RedisClient } from './redis.ts'
import type { EncryptionKey } from './sealer.ts'

const DAY_MS = 24 * 3600_000

/** A record lives for a day after a deadline that is at most 15 minutes off, and may get Meta's id until then. */
const KEPT_AFTER_DAY_MS = DAY_MS + 3600_000

/** So a message that has a record may have been accepted today or on one of the two days before. */
const DAYS_BACK = 2

/** Characters of a digest: 6 bits each. */
const DIGEST = { recipient: 8, reference: 8, providerMessageId: 12 } as const

/** A set that has so many entries takes no more: the next ones stand in those of the longer name. */
const MOST_IN_SET = 64
const SHORT_NAME = 2
const LONG_NAME = 3

/** The time of a day in 2 s, as three digits that stand in the order of time. */
const TICK_MS = 2000
const TICK_DIGITS = 3
const TICK_BASE = 36

const ID_START = 'msg_'

/** What messages can be found by. */
export type FoundBy = keyof typeof DIGEST

/** What goes into the index, as `OPEN_INDEX` reads it. */
export type IndexEntries = {
  /** What the names of the day's sets begin with. */
  place: string
  /** Milliseconds since 1970. */
  keptUntil: number
  entries: string[]
}

/** For scripts: `index(given)` writes `IndexEntries`, with two or three commands for each. */
export const OPEN_INDEX = `
local function index(given)
  for _, entry in ipairs(given.entries) do
    local set = given.place .. string.sub(entry, 1, ${SHORT_NAME})
    local count = redis.call('ZCARD', set)
    if count >= ${MOST_IN_SET} then
      set = given.place .. string.sub(entry, 1, ${LONG_NAME})
      count = redis.call('ZCARD', set)
    end
    redis.call('ZADD', set, 0, entry)
    if count == 0 then redis.call('PEXPIREAT', set, given.keptUntil) end
  end
end
`

/**
 * KEYS  sets · ARGV 1 how many of each at most · then for each set: what its entries have to begin with
 * Returns [ number of its set, entry, entry... ] of each set that has any, the latest first.
 */
const FIND = `
local found = {}
for i, set in ipairs(KEYS) do
  local start = ARGV[i + 1]
  local entries = redis.call('ZREVRANGEBYLEX', set, '(' .. start .. '~', '[' .. start, 'LIMIT', 0, ARGV[1])
  if #entries > 0 then found[#found + 1] = { i - 1, unpack(entries) } end
end
return found
`

declare module 'ioredis' {
  interface RedisCommander<Context> {
    relaisFindMessages(
      numberOfKeys: number,
      ...args: (string | number)[]
    ): Result<[number, ...string[]][], Context>
  }
}

/** What is written for messages. Pure. */
export function createIndexWriter(options: { keys: Keys; encryptionKeys: readonly EncryptionKey[] }) {
  const { keys } = options
  // Under the first key only: every message and every receipt pays for it.
  const digestsOf = createStarts(options.encryptionKeys.slice(0, 1))

  return {
    /** Of a new message. That of a test key is found by its id alone: nothing of it may be left after an hour. */
    ofMessage({ id, to, reference, acceptedAt, isTest }: Message): IndexEntries {
      if (isTest) return { ...placed(acceptedAt), entries: [] }
      const end = tickOf(acceptedAt) + shortened(id)
      const entries = [`${digestsOf('recipient', to)[0]}${end}`]
      if (reference !== undefined) entries.push(`${digestsOf('reference', reference)[0]}${end}`)
      return { ...placed(acceptedAt), entries }
    },

    /** Of the id that Meta gave it. @param at now: the message may be old */
    ofProviderId: (providerMessageId: string, id: string, at: number): IndexEntries => ({
      ...placed(at),
      entries: [`${digestsOf('providerMessageId', providerMessageId)[0]}${shortened(id)}`],
    }),
  }

  function placed(at: number): Omit<IndexEntries, 'entries'> {
    const day = Math.floor(at / DAY_MS)
    return { place: keys.foundBy(day, ''), keptUntil: (day + 1) * DAY_MS + KEPT_AFTER_DAY_MS }
  }
}

export type IndexWriter = ReturnType<typeof createIndexWriter>

/** @param options.now the clock of messages, in milliseconds since 1970 */
export function createMessageIndex(options: {
  redis: RedisClient
  keys: Keys
  encryptionKeys: readonly EncryptionKey[]
  now?: () => number
}) {
  const { redis, keys, now = Date.now } = options
  const digestsOf = createStarts(options.encryptionKeys)
  redis.defineCommand('relaisFindMessages', { lua: FIND })

  return {
    /**
     * The ids of up to `most` messages that have this recipient, this reference, or this id of Meta's; the latest first, but for Meta's id. One call to Redis.
     * Some may have no record any more; and a recipient or reference may, very rarely, be another's: see the record.
     */
    async find(by: FoundBy, text: string, most: number): Promise<string[]> {
      const today = Math.floor(now() / DAY_MS)
      const days = Array.from({ length: DAYS_BACK + 1 }, (_, back) => today - back)
      const sets = days.flatMap((day) =>
        digestsOf(by, text).flatMap((digest) =>
          [SHORT_NAME, LONG_NAME].map((length) => ({ day, digest, name: digest.slice(0, length) })),
        ),
      )
      const answers = await redis.relaisFindMessages(
        sets.length,
        ...sets.map(({ day, name }) => keys.foundBy(day, name)),
        most,
        ...sets.map(({ digest }) => digest),
      )
      const endsOf = (day: number) =>
        answers.filter(([i]) => sets[i]?.day === day).flatMap(([, ...entries]) => entries.map(endOf))
      const endOf = (entry: string) => entry.slice(DIGEST[by])
      const found = days.flatMap((day) => endsOf(day).toSorted().toReversed()).map((end) => idIn(by, end))
      return [...new Set(found)].slice(0, most)
    },
  }
}

export type MessageIndex = ReturnType<typeof createMessageIndex>

/** What the entries of a text begin with, under each key of the ring. */
function createStarts(ring: readonly EncryptionKey[]): (by: FoundBy, text: string) => string[] {
  const digests = createKeyedDigest(ring, 'search')
  return (by, text) => digests(`${by}:${text}`).map((digest) => digest.slice(0, DIGEST[by]))
}

function tickOf(at: number): string {
  return Math.floor((at % DAY_MS) / TICK_MS)
    .toString(TICK_BASE)
    .padStart(TICK_DIGITS, '0')
}

/** All our ids begin alike; one that does not is told by a sign that stands in none. */
function shortened(id: string): string {
  return id.startsWith(ID_START) ? id.slice(ID_START.length) : `:${id}`
}

/** Our id, in what stands behind a digest. */
function idIn(by: FoundBy, end: string): string {
  const text = by === 'providerMessageId' ? end : end.slice(TICK_DIGITS)
  return text.startsWith(':') ? text.slice(1) : ID_START + text
}
