/**
 * The record of a message in Redis: the one truth about it. One script is the only writer; it checks and moves in one atomic
 * step, so of two that want to move a message one wins and the other is told where it stands.
 *
 * Lifetimes, kept by Redis itself: the content is gone at the deadline, or as soon as the message is settled and nobody may still need it;
 * the record goes a day after the deadline.
 *
 * The same step keeps what `unsettled.ts` reads: who has not reached an end, by the moment at which it is to be looked at, and how many each
 * app has of them; and what `fallen.ts` reads: who fell back, and when.
 */
import type { Result } from 'ioredis'
import type { Keys } from './keys.ts'
import {
  fallBackAt,
  isSettled,
  legalSources,
  type FallbackReason,
  type Message,
  type MessageStatus,
  type TimelineEntry,
} from './message.ts'
import type { RedisClient } from './redis.ts'

const RECORD_KEPT_MS = 24 * 3600 * 1000

/** Of a message of a test key nothing is left an hour after it was accepted. */
const TEST_KEPT_MS = 3600 * 1000

/** A fallback that is decided and not written so long after is looked at: its queue may not have it. */
const WRITTEN_WITHIN_MS = 5000

/** The list of those that fell back goes so far back, and holds so many at most. */
const FALLEN_KEPT_MS = 24 * 3600 * 1000
const MOST_FALLEN = 10_000

/**
 * KEYS  1 record · 2 content · 3 Meta's id -> ours (or the record again, when there is none) · 4 timers · 5 unsettled, by app · 6 fallen
 * ARGV  1 new status, '' = stay · 2 allowed present statuses, comma-framed; ',,' = no record may exist
 *       3 expected claims, '' = any · 4 '1' = refuse once a fallback reason is set
 *       5 JSON object of fields to set · 6 timeline line, '' = none · 7 '1' = erase the content
 *       8 record expires at (ms), '' = keep · 9 sealed content, '' = none · 10 content expires at (ms)
 *       11 our id for key 3, '' = none · 12 our id · 13 its timer (ms); 'over' = none any more; 'unless-falling' = none, unless a fallback
 *       is decided; '' = keep · 14 fell back at (ms), '' = it does not
 * Returns { 1 or 0, fields and values of the record as it now is }.
 */
const MOVE = `
local status = redis.call('HGET', KEYS[1], 'status') or ''
local moved = 0
local fits = string.find(ARGV[2], ',' .. status .. ',', 1, true)
if fits and ARGV[3] ~= '' then fits = redis.call('HGET', KEYS[1], 'claims') == ARGV[3] end
if fits and ARGV[4] == '1' then fits = redis.call('HEXISTS', KEYS[1], 'reason') == 0 end
if fits then
  moved = 1
  local set = {}
  for field, value in pairs(cjson.decode(ARGV[5])) do set[#set + 1] = field; set[#set + 1] = value end
  if ARGV[1] ~= '' then set[#set + 1] = 'status'; set[#set + 1] = ARGV[1] end
  if #set > 0 then redis.call('HSET', KEYS[1], unpack(set)) end
  if ARGV[6] ~= '' then
    local timeline = redis.call('HGET', KEYS[1], 'timeline')
    if timeline and #timeline > 8192 then timeline = string.match(timeline, '\\n(.*)', 4096) end
    redis.call('HSET', KEYS[1], 'timeline', timeline and (timeline .. '\\n' .. ARGV[6]) or ARGV[6])
  end
  if ARGV[8] ~= '' then redis.call('PEXPIREAT', KEYS[1], ARGV[8]) end
  if ARGV[9] ~= '' then redis.call('SET', KEYS[2], ARGV[9], 'PXAT', ARGV[10]) end
  if ARGV[7] == '1' then redis.call('DEL', KEYS[2]) end
  if ARGV[11] ~= '' then
    redis.call('SET', KEYS[3], ARGV[11], 'PX', redis.call('PTTL', KEYS[1]))
  end
  local timer, change = ARGV[13], 0
  if timer == 'unless-falling' then timer = redis.call('HEXISTS', KEYS[1], 'reason') == 0 and 'over' or '' end
  if timer == 'over' then change = -redis.call('ZREM', KEYS[4], ARGV[12])
  elseif timer ~= '' then change = redis.call('ZADD', KEYS[4], timer, ARGV[12]) end
  if change ~= 0 then redis.call('HINCRBY', KEYS[5], redis.call('HGET', KEYS[1], 'app'), change) end
  if ARGV[14] ~= '' and redis.call('HEXISTS', KEYS[1], 'isTest') == 0 then
    redis.call('ZADD', KEYS[6], ARGV[14], ARGV[12])
    redis.call('ZREMRANGEBYSCORE', KEYS[6], '-inf', ARGV[14] - ${FALLEN_KEPT_MS})
    redis.call('ZREMRANGEBYRANK', KEYS[6], 0, -${MOST_FALLEN + 1})
    redis.call('PEXPIRE', KEYS[6], ${FALLEN_KEPT_MS})
  end
end
return { moved, redis.call('HGETALL', KEYS[1]) }
`

/**
 * KEYS 1 record · ARGV 1 timeline line · 2 what it says, in full
 * Adds to the timeline what was not there before. Returns 1, or 0 when it was, or when there is no record.
 */
const NOTE = `
local timeline = redis.call('HGET', KEYS[1], 'timeline')
if not timeline or string.find(timeline, ARGV[2], 1, true) then return 0 end
redis.call('HSET', KEYS[1], 'timeline', timeline .. '\\n' .. ARGV[1])
return 1
`

declare module 'ioredis' {
  interface RedisCommander<Context> {
    relaisMoveMessage(numberOfKeys: 6, ...args: string[]): Result<[number, string[]], Context>
    relaisNoteMessage(key: string, line: string, said: string): Result<number, Context>
  }
}

/** What a move may change besides the status. */
export type Change = {
  attempts?: number
  claims?: number
  waits?: number
  reason?: FallbackReason
  providerMessageId?: string
}

export type Move = {
  to: MessageStatus
  /** Narrower than what is legal, when the caller knows where the message has to be. */
  from?: readonly MessageStatus[]
  /** Only while this claim is the last one: a worker that lost its message changes nothing. */
  claims?: number
  /** Only while no fallback is decided. */
  unlessFallingBack?: boolean
  set?: Change
  /** The content is not erased though the message is settled: until the deadline an operator may reveal it. */
  keepsContent?: boolean
  /** Plain words for the timeline. No secret, no full number. */
  detail?: string
}

/** `moved: false` with a message: it stands where this move is not allowed. Without: there is no record (any more). */
export type MoveResult = { moved: boolean; message: Message | undefined }

/**
 * @param options.deliverWithinMs with receipts: how long after acceptance a delivery is waited for, unless the message says otherwise
 * @param options.now the clock, in milliseconds since 1970
 */
export function createMessageStore(options: {
  redis: RedisClient
  keys: Keys
  deliverWithinMs?: number | undefined
  now?: () => number
}) {
  const { redis, keys, deliverWithinMs, now = Date.now } = options
  redis.defineCommand('relaisMoveMessage', { lua: MOVE })
  redis.defineCommand('relaisNoteMessage', { numberOfKeys: 1, lua: NOTE })

  return {
    /** Writes the record of a new message and its sealed content, both or neither. False if the id is taken. */
    async create(message: Message, sealedContent: string): Promise<boolean> {
      const { id, status, timeline: _timeline, ...fields } = message
      const { moved } = await run(id, {
        to: status,
        sources: [],
        set: asText(fields),
        entry: { status, at: message.acceptedAt },
        recordExpiresAt: message.isTest
          ? message.acceptedAt + TEST_KEPT_MS
          : message.expiresAt + RECORD_KEPT_MS,
        content: { sealed: sealedContent, expiresAt: message.expiresAt },
        timer: fallBackAt(message, deliverWithinMs),
      })
      return moved
    },

    async read(id: string): Promise<Message | undefined> {
      return readRecord(id, await redis.hgetall(keys.message(id)))
    },

    /** The sealed content, `undefined` once it is erased. */
    async readContent(id: string): Promise<string | undefined> {
      return (await redis.get(keys.content(id))) ?? undefined
    },

    /** Our id for a message that Meta knows by its own. */
    async findByProviderId(providerMessageId: string): Promise<string | undefined> {
      return (await redis.get(keys.providerMessage(providerMessageId))) ?? undefined
    },

    /** Moves a message, if the table of legal moves and the conditions allow it. */
    async move(id: string, move: Move): Promise<MoveResult> {
      const legal = legalSources(move.to)
      const at = now()
      return run(id, {
        to: move.to,
        sources: move.from ? legal.filter((source) => move.from?.includes(source)) : legal,
        claims: move.claims,
        unlessFallingBack: move.unlessFallingBack,
        set: asText(move.set ?? {}),
        entry: { status: move.to, at, ...(move.detail !== undefined && { detail: move.detail }) },
        erase: isSettled(move.to) && !move.keepsContent,
        providerMessageId: move.set?.providerMessageId,
        timer: timerAfter(move.to),
        ...(move.to === 'fallback' && { fellBackAt: at }),
      })
    },

    /** Notes that the code of a message that fell back was used, and erases it: there is nothing left to reveal. */
    async noteUsed(id: string, detail: string): Promise<MoveResult> {
      const at = now()
      const entry = { status: 'fallback' as const, at, detail }
      return run(id, { sources: ['fallback'], set: { usedAt: String(at) }, entry, erase: true })
    },

    /**
     * Adds what happened to the timeline, without a move: a receipt that came too late to change anything, for one. Once: the same
     * words again change nothing. True if it was new.
     */
    async note(id: string, entry: { status: MessageStatus; detail: string }): Promise<boolean> {
      const line = JSON.stringify({ status: entry.status, at: now(), detail: entry.detail })
      return (await redis.relaisNoteMessage(keys.message(id), line, JSON.stringify(entry.detail))) === 1
    },

    /**
     * Decides that a message goes to the fallback, without moving it: the fallback worker does that when the record
     * is written. From here on nobody sends the message. Decided once; a second reason changes nothing.
     *
     * @param why.detail plain words, for the timeline when the message gets there
     * @param why.claims see `Move`
     */
    async decideFallback(
      id: string,
      why: { reason: FallbackReason; detail: string; claims?: number },
    ): Promise<MoveResult> {
      return run(id, {
        sources: legalSources('fallback'),
        claims: why.claims,
        unlessFallingBack: true,
        set: { reason: why.reason, reasonDetail: why.detail },
        timer: now() + WRITTEN_WITHIN_MS,
      })
    },
  }

  /** Without receipts nothing more is heard of a message that was sent. */
  function timerAfter(status: MessageStatus): Step['timer'] {
    if (isSettled(status)) return 'over'
    return status === 'sent' && deliverWithinMs === undefined ? 'unless-falling' : undefined
  }

  async function run(id: string, step: Step): Promise<MoveResult> {
    const [moved, pairs] = await redis.relaisMoveMessage(
      6,
      keys.message(id),
      keys.content(id),
      step.providerMessageId ? keys.providerMessage(step.providerMessageId) : keys.message(id),
      keys.timers(),
      keys.unsettled(),
      keys.fallen(),
      step.to ?? '',
      `,${step.sources.join(',')},`,
      step.claims === undefined ? '' : String(step.claims),
      step.unlessFallingBack ? '1' : '',
      JSON.stringify(step.set),
      step.entry ? JSON.stringify(step.entry) : '',
      step.erase ? '1' : '',
      String(step.recordExpiresAt ?? ''),
      step.content?.sealed ?? '',
      String(step.content?.expiresAt ?? ''),
      step.providerMessageId ? id : '',
      id,
      String(step.timer ?? ''),
      String(step.fellBackAt ?? ''),
    )
    return { moved: moved === 1, message: readRecord(id, fromPairs(pairs)) }
  }
}

export type MessageStore = ReturnType<typeof createMessageStore>

type Step = {
  to?: MessageStatus
  sources: MessageStatus[]
  claims?: number | undefined
  unlessFallingBack?: boolean | undefined
  set: Record<string, string>
  entry?: TimelineEntry
  erase?: boolean
  recordExpiresAt?: number
  content?: { sealed: string; expiresAt: number }
  providerMessageId?: string | undefined
  timer?: number | 'over' | 'unless-falling' | undefined
  fellBackAt?: number
}

function asText(fields: Record<string, string | number | boolean | undefined>): Record<string, string> {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given.map(([field, value]) => [field, String(value)]))
}

function fromPairs(pairs: string[]): Record<string, string> {
  const record: Record<string, string> = {}
  for (let i = 0; i + 1 < pairs.length; i += 2) record[pairs[i] ?? ''] = pairs[i + 1] ?? ''
  return record
}

function readRecord(id: string, fields: Record<string, string>): Message | undefined {
  const { app, type, to, status, acceptedAt, expiresAt } = fields
  if (!app || !type || !to || !status) return undefined
  return {
    id,
    app,
    ...(fields['isTest'] !== undefined && { isTest: true as const }),
    type: type as Message['type'],
    to,
    status: status as MessageStatus,
    attempts: Number(fields['attempts']),
    claims: Number(fields['claims']),
    waits: Number(fields['waits']),
    acceptedAt: Number(acceptedAt),
    expiresAt: Number(expiresAt),
    ...(fields['template'] !== undefined && { template: fields['template'] }),
    ...(fields['language'] !== undefined && { language: fields['language'] }),
    ...(fields['reference'] !== undefined && { reference: fields['reference'] }),
    ...(fields['reason'] !== undefined && { reason: fields['reason'] as FallbackReason }),
    ...(fields['reasonDetail'] !== undefined && { reasonDetail: fields['reasonDetail'] }),
    ...(fields['providerMessageId'] !== undefined && { providerMessageId: fields['providerMessageId'] }),
    ...(fields['deliverWithinSeconds'] !== undefined && {
      deliverWithinSeconds: Number(fields['deliverWithinSeconds']),
    }),
    ...(fields['usedAt'] !== undefined && { usedAt: Number(fields['usedAt']) }),
    ...(fields['revealedAt'] !== undefined && { revealedAt: Number(fields['revealedAt']) }),
    ...(fields['revealedBy'] !== undefined && { revealedBy: fields['revealedBy'] }),
    timeline: (fields['timeline'] ?? '').split('\n').map((line) => JSON.parse(line) as TimelineEntry),
  }
}
