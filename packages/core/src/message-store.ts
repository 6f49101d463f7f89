/**
 * The record of a message in Redis: the one truth about it. One script is the only writer; it checks and moves in one atomic
 * step, so of two that want to move a message one wins and the other is told where it stands.
 *
 * Lifetimes, kept by Redis itself: the content is gone at the deadline, or as soon as the message is settled and nobody may still need it;
 * the record goes a day after the deadline.
 *
 * The same step keeps what `unsettled.ts` reads: who has not reached an end, by the moment at which it is to be looked at, and how many each
 * app has of them; what `fallen.ts` reads: who fell back, and when; and what apps are told: `callbacks/tell-app.ts`.
 */
import type { Result } from 'ioredis'
import { birthOf, OPEN_BIRTHS } from './birth.ts'
import { isTold } from './callbacks/callback-event.ts'
import { callbackNames, OPEN_CALLBACKS } from './callbacks/tell-app.ts'
import { createGrouped } from './grouped.ts'
import type { Keys } from './keys.ts'
import { createIndexWriter, createMessageIndex, OPEN_INDEX, type IndexEntries } from './message-index.ts'
import { readPairs, readRecord } from './message-record.ts'
import {
  isSettled,
  legalSources,
  type FallbackReason,
  type Message,
  type MessageStatus,
  type TimelineEntry,
} from './message.ts'
import type { RedisClient } from './redis.ts'
import type { EncryptionKey } from './sealer.ts'
import { timelineParts, WAITS_FOR, type WaitKind } from './timeline.ts'

/** A fallback that is decided and not written so long after is looked at: its queue may not have it. */
const WRITTEN_WITHIN_MS = 5000

/** The list of those that fell back goes so far back, and holds so many at most. */
const FALLEN_KEPT_MS = 24 * 3600 * 1000
const MOST_FALLEN = 10_000

/** The largest group of messages that one call to Redis is about, and how many such calls may be on their way. */
const GROUP = { most: 100, inFlight: 4 }

/**
 * KEYS  1 timers · 2 unsettled, by app · then for each message: its record, its content
 * ARGV  1 JSON: for each message, in order, a `Birth`
 * Returns for each 1, or 0 when there is a record already: that stays as it is.
 */
const CREATE = `
${OPEN_BIRTHS}
local bear, keepBirths = openBirths(KEYS[1], KEYS[2])
local isNew = {}
for i, birth in ipairs(cjson.decode(ARGV[1])) do
  isNew[i] = bear(KEYS[i * 2 + 1], KEYS[i * 2 + 2], birth) and 1 or 0
end
keepBirths()
return isNew
`

/**
 * KEYS  1 timers · 2 unsettled, by app · 3 fallen · 4 callbacks · then for each message: its record, its content
 * ARGV  1 JSON: for each message, in order, a `Step` · 2 see `callbackNames`
 * Returns JSON: for each [ 1 or 0, fields and values of the record as it now is ]; the second is missing where a brief answer will do.
 */
const MOVE = `
${OPEN_INDEX}
${OPEN_CALLBACKS}
local tell = openCallbacks(KEYS[4], ARGV[2])
local answers = {}
for i, step in ipairs(cjson.decode(ARGV[1])) do
  local record, content = KEYS[i * 2 + 3], KEYS[i * 2 + 4]
  local known = redis.call('HMGET', record, 'status', 'claims', 'reason', 'acceptedAt', 'app', 'isTest')
  local fits = string.find(step.from, ',' .. (known[1] or '') .. ',', 1, true)
  if fits and step.claims then fits = (known[2] or '0') == step.claims end
  if fits and step.unlessFalling then fits = not known[3] end
  if fits then
    local set = {}
    for field, value in pairs(step.set) do
      if value == '0' then redis.call('HDEL', record, field) else set[#set + 1] = field; set[#set + 1] = value end
    end
    if step.to then set[#set + 1] = 'status'; set[#set + 1] = step.to end
    if step.letter then
      local timeline = redis.call('HGET', record, 'timeline')
      if #timeline > 8192 then timeline = string.match(timeline, '\\n(.*)', 4096) end
      set[#set + 1] = 'timeline'
      set[#set + 1] = string.format('%s\\n%s%.0f%s', timeline, step.letter, step.at - known[4], step.said)
    end
    if step.providerMessageId and redis.call('HGET', record, 'providerMessageId') ~= step.providerMessageId then
      set[#set + 1] = 'providerMessageId'; set[#set + 1] = step.providerMessageId
      if not known[6] then index(step.index) end
    end
    redis.call('HSET', record, unpack(set))
    if step.tells then tell(record, known[5], step.id, step.to, known[3], step.at) end
    if step.erase then redis.call('DEL', content) end
    local timer, change = step.timer, 0
    if timer == 'unless-falling' then timer = not known[3] and 'over' or nil end
    if timer == 'over' then change = -redis.call('ZREM', KEYS[1], step.id)
    elseif timer then change = redis.call('ZADD', KEYS[1], timer, step.id) end
    if change ~= 0 then redis.call('HINCRBY', KEYS[2], known[5], change) end
    if step.fellBackAt and not known[6] then
      redis.call('ZADD', KEYS[3], step.fellBackAt, step.id)
      redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', step.fellBackAt - ${FALLEN_KEPT_MS})
      redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -${MOST_FALLEN + 1})
      redis.call('PEXPIRE', KEYS[3], ${FALLEN_KEPT_MS})
    end
  elseif known[1] and step.saidLate then
    local timeline = redis.call('HGET', record, 'timeline')
    local isToldOf = string.find('\\n' .. timeline, '\\n' .. step.letter, 1, true)
    if not isToldOf and not string.find(timeline, step.saidLate, 1, true) then
      local present = string.match(timeline, '(%l)[^\\n]*$')
      local line = string.format('%s\\n%s%.0f%s', timeline, present, step.at - known[4], step.saidLate)
      redis.call('HSET', record, 'timeline', line)
    end
  end
  answers[i] = { fits and 1 or 0 }
  if known[1] and (not fits or known[3] or not step.brief) then answers[i][2] = redis.call('HGETALL', record) end
end
return cjson.encode(answers)
`

/**
 * KEYS 1 record · ARGV 1 now (ms) · 2 letter of the status · 3 what it says
 * Adds to the timeline what was not there before. Returns 1, or 0 when it was, or when there is no record.
 */
const NOTE = `
local record = redis.call('HMGET', KEYS[1], 'timeline', 'acceptedAt')
if not record[1] or string.find(record[1], ARGV[3], 1, true) then return 0 end
local line = string.format('%s\\n%s%.0f%s', record[1], ARGV[2], ARGV[1] - record[2], ARGV[3])
redis.call('HSET', KEYS[1], 'timeline', line)
return 1
`

/**
 * KEYS 1 record · ARGV 1 now (ms) · 2 what it says
 * Adds to the timeline what a message waits for, while it waits to be sent, and only if that was not said since it came to the queue.
 */
const NOTE_WAIT = `
local record = redis.call('HMGET', KEYS[1], 'timeline', 'acceptedAt', 'status', 'reason')
if record[3] ~= 'queued' or record[4] then return 0 end
local stay = string.match(record[1], '.*\\n([^q].*)$') or record[1]
if string.find(stay, ARGV[2], 1, true) then return 0 end
redis.call('HSET', KEYS[1], 'timeline', string.format('%s\\nq%.0f%s', record[1], ARGV[1] - record[2], ARGV[2]))
return 1
`

declare module 'ioredis' {
  interface RedisCommander<Context> {
    relaisCreateMessages(numberOfKeys: number, ...args: string[]): Result<number[], Context>
    relaisMoveMessages(numberOfKeys: number, ...args: string[]): Result<string, Context>
    relaisNoteMessage(key: string, at: number, letter: string, said: string): Result<number, Context>
    relaisNoteWait(key: string, at: number, said: string): Result<number, Context>
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
  /** The same, for a move that is not allowed any more: noted once, and only while the timeline has nothing of this status. */
  lateDetail?: string
  /** Whoever moves it knows the message: it is not read back when it moves and no fallback is decided. */
  isBrief?: boolean
}

/**
 * `moved: false` with a message: it stands where this move is not allowed. Without: there is no record (any more). A brief move that was made
 * comes without its message.
 */
export type MoveResult = { moved: boolean; message: Message | undefined }

/**
 * What is asked of it at the same moment goes to Redis in one call: see `grouped.ts`.
 *
 * @param options.deliverWithinMs with receipts: how long after acceptance a delivery is waited for, unless the message says otherwise
 * @param options.now the clock, in milliseconds since 1970
 */
export function createMessageStore(options: {
  redis: RedisClient
  keys: Keys
  encryptionKeys: readonly EncryptionKey[]
  deliverWithinMs?: number | undefined
  now?: () => number
}) {
  const { redis, keys, deliverWithinMs, now = Date.now } = options
  const writer = createIndexWriter(options)
  const index = createMessageIndex(options)
  redis.defineCommand('relaisCreateMessages', { lua: CREATE })
  redis.defineCommand('relaisMoveMessages', { lua: MOVE })
  redis.defineCommand('relaisNoteMessage', { numberOfKeys: 1, lua: NOTE })
  redis.defineCommand('relaisNoteWait', { numberOfKeys: 1, lua: NOTE_WAIT })
  const toldNames = callbackNames(keys)
  const create = createGrouped({ call: createAll, ...GROUP })
  const take = createGrouped({ call: takeAll, ...GROUP })

  return {
    /** Writes the record of a new message and its sealed content, both or neither, without a job. False if the id is taken. */
    create: (message: Message, sealedContent: string): Promise<boolean> => create({ message, sealedContent }),

    async read(id: string): Promise<Message | undefined> {
      return readRecord(id, await redis.hgetall(keys.message(id)))
    },

    /** The sealed content, `undefined` once it is erased. */
    async readContent(id: string): Promise<string | undefined> {
      return (await redis.get(keys.content(id))) ?? undefined
    },

    /** Our id for a message that Meta knows by its own, or once did: one that was sent again has had several. */
    async findByProviderId(providerMessageId: string): Promise<string | undefined> {
      return (await index.find('providerMessageId', providerMessageId, 1))[0]
    },

    /** Moves a message, if the table of legal moves and the conditions allow it. */
    async move(id: string, move: Move): Promise<MoveResult> {
      const legal = legalSources(move.to)
      const at = now()
      const { providerMessageId, ...set } = move.set ?? {}
      return take({
        id,
        to: move.to,
        from: framed(move.from ? legal.filter((source) => move.from?.includes(source)) : legal),
        claims: move.claims === undefined ? undefined : String(move.claims),
        unlessFalling: move.unlessFallingBack,
        set: asText(set),
        ...lineOf({ status: move.to, at, ...(move.detail !== undefined && { detail: move.detail }) }),
        ...(move.lateDetail !== undefined && {
          saidLate: timelineParts({ status: move.to, detail: move.lateDetail })[1],
        }),
        tells: isTold(move.to),
        erase: isSettled(move.to) && !move.keepsContent,
        ...(providerMessageId !== undefined && {
          providerMessageId,
          index: writer.ofProviderId(providerMessageId, id, at),
        }),
        timer: timerAfter(move.to),
        fellBackAt: move.to === 'fallback' ? at : undefined,
        brief: move.isBrief,
      })
    },

    /** Notes that the code of a message that fell back was used, and erases it: there is nothing left to reveal. */
    async noteUsed(id: string, detail: string): Promise<MoveResult> {
      const at = now()
      const line = lineOf({ status: 'fallback', at, detail })
      return take({ id, from: framed(['fallback']), set: { usedAt: String(at) }, ...line, erase: true })
    },

    /**
     * Adds what happened to the timeline, without a move: a failure that came too late to change anything, for one. Once: the same
     * words again change nothing. True if it was new.
     */
    async note(id: string, entry: { status: MessageStatus; detail: string }): Promise<boolean> {
      const [letter, said] = timelineParts(entry)
      return (await redis.relaisNoteMessage(keys.message(id), now(), letter, said)) === 1
    },

    /** Adds to the timeline what a message in the queue begins to wait for; once for each stay there. True if it was new. */
    async noteWait(id: string, kind: WaitKind): Promise<boolean> {
      const [, said] = timelineParts({ status: 'queued', detail: WAITS_FOR[kind] })
      return (await redis.relaisNoteWait(keys.message(id), now(), said)) === 1
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
      const at = now()
      return take({
        id,
        from: framed(legalSources('fallback')),
        claims: why.claims === undefined ? undefined : String(why.claims),
        unlessFalling: true,
        set: { reason: why.reason, reasonDetail: why.detail, decidedAt: String(at) },
        timer: at + WRITTEN_WITHIN_MS,
      })
    },
  }

  /** Without receipts nothing more is heard of a message that was sent. */
  function timerAfter(status: MessageStatus): Step['timer'] {
    if (isSettled(status)) return 'over'
    return status === 'sent' && deliverWithinMs === undefined ? 'unless-falling' : undefined
  }

  async function createAll(comers: { message: Message; sealedContent: string }[]): Promise<boolean[]> {
    const births = comers.map(({ message, sealedContent }) =>
      birthOf(message, sealedContent, { deliverWithinMs, writer }),
    )
    const names = births.flatMap(({ id }) => [keys.message(id), keys.content(id)])
    const isNew = await redis.relaisCreateMessages(
      2 + names.length,
      keys.timers(),
      keys.unsettled(),
      ...names,
      JSON.stringify(births),
    )
    return isNew.map((one) => one === 1)
  }

  async function takeAll(steps: Step[]): Promise<MoveResult[]> {
    const names = steps.flatMap(({ id }) => [keys.message(id), keys.content(id)])
    const answers = await redis.relaisMoveMessages(
      4 + names.length,
      keys.timers(),
      keys.unsettled(),
      keys.fallen(),
      keys.callbacks(),
      ...names,
      JSON.stringify(steps),
      toldNames,
    )
    return (JSON.parse(answers) as [number, string[]?][]).map(([moved, pairs], i) => ({
      moved: moved === 1,
      message: pairs && readPairs(steps[i]?.id ?? '', pairs),
    }))
  }
}

export type MessageStore = ReturnType<typeof createMessageStore>

/** A change of one message, as MOVE reads it. Times are milliseconds since 1970. */
type Step = {
  id: string
  /** The new status; none: it stays. */
  to?: MessageStatus
  /** Its present status is one of these: framed in commas. */
  from: string
  /** The number of its claims is this. */
  claims?: string | undefined
  /** No fallback is decided. */
  unlessFalling?: boolean | undefined
  /** Fields that are set; those that become `0` go. */
  set: Record<string, string>
  /** A line of the timeline, in parts. */
  letter?: string
  at?: number
  said?: string
  /** What is said instead, by a line of the status that it has, when it does not fit. */
  saidLate?: string
  /** The app is told, if it wants to be. */
  tells?: boolean
  /** Erases the content. */
  erase?: boolean
  providerMessageId?: string
  /** What it is found by from now on: with Meta's id. */
  index?: IndexEntries
  /** When it is looked at; `over`: not any more; `unless-falling`: not any more unless a fallback is decided; absent: as before. */
  timer?: number | 'over' | 'unless-falling' | undefined
  fellBackAt?: number | undefined
  brief?: boolean | undefined
}

function framed(statuses: readonly MessageStatus[]): string {
  return `,${statuses.join(',')},`
}

function lineOf(entry: TimelineEntry): Pick<Step, 'letter' | 'at' | 'said'> {
  const [letter, said] = timelineParts(entry)
  return { letter, at: entry.at, said }
}

function asText(fields: Record<string, string | number | undefined>): Record<string, string> {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given.map(([field, value]) => [field, String(value)]))
}
