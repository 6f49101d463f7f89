/**
 * The claim: the point of no return of a message (`queued` -> `sending`). Whoever finds it there later knows that Meta may have it. All that a
 * message needs to be claimed is looked at in one step of one script, for a group of messages, in the order in which they are asked for:
 *
 *     may it be sent still? ─► budget of its recipient ─► content ─► slot of the sender's pace ─► claim
 *
 * What is not claimed has used nothing, and says why. What is claimed comes with its record, its sealed content, and its slot.
 */
import type { Result } from 'ioredis'
import { RESTART_AT, SERVE, tagOf } from './fairness.ts'
import type { Keys } from './keys.ts'
import { FALLBACK_RESERVE_MS, type Message } from './message.ts'
import { readPairs } from './message-record.ts'
import { PACE, type PacedSender, type Pacing } from './pacing.ts'
import { PAIR } from './pair-budget.ts'
import type { RedisClient } from './redis.ts'

/**
 * KEYS 1 pace · 2 fairness · then for each ask: record and content (of the pace where it asks for a slot alone)
 * ARGV 1 the time in microseconds, '' = that of Redis · 2 pace, messages a second · 3 '1' = paced · 4 slots that were not used
 *      5 the time by which messages live (ms) · 6 what the keys of recipients begin with · 7 JSON: the asks
 * Returns JSON, which is read faster than as many replies: [ when slots can be had again (microseconds from now), answers... ]; each answer is
 *     { 'claimed', slot, content, record } · { 'slot', slot }: the slot in microseconds from now, -1 = at once, without a pace
 *     { 'refused', record } · { 'empty', record } · { 'paired', wait in ms, record } · { 'later', record where it is asked for }
 */
const CLAIM = `
${PACE}
${PAIR}
${SERVE}
local time = redis.call('TIME')
local now = tonumber(ARGV[1]) or (time[1] * 1000000 + time[2])
local at = tonumber(ARGV[5])
local pace = openPace(KEYS[1], now, tonumber(ARGV[2]), ARGV[3] == '1')
giveBackSlots(pace, tonumber(ARGV[4]))
local tag, hasSlots = -1, true

local function draw()
  local slot = hasSlots and nextSlot(pace)
  if not slot then hasSlots = false end
  return slot and ((pace.gap > 0 or slot > 0) and slot or -1)
end

local function claim(ask, record, content)
  local function answer(...)
    local given = { ... }
    given[#given + 1] = redis.call('HGETALL', record)
    return given
  end
  if not hasSlots and not ask.hasSlot then return ask.tells and answer('later') or { 'later' } end
  local names = { 'status', 'reason', 'isTest', 'acceptedAt', 'expiresAt', 'claims', 'attempts', 'to', 'timeline' }
  local message = redis.call('HMGET', record, unpack(names))
  if message[1] ~= ask.from or message[2] or message[3] then return answer('refused') end
  if ask.claims and (message[6] or '0') ~= ask.claims then return answer('refused') end
  local acceptedAt, expiresAt = tonumber(message[4]), tonumber(message[5])
  if at >= expiresAt - math.min(${FALLBACK_RESERVE_MS}, (expiresAt - acceptedAt) / 2) then return answer('refused') end
  local sealed = redis.call('GET', content)
  if not sealed then return answer('empty') end
  local pair = openPair(ARGV[6] .. redis.sha1hex(message[8]), math.floor(now / 1000))
  local wait = pairWait(pair)
  if wait > 0 then
    sendAway(pair)
    return answer('paired', wait)
  end
  local slot = ask.hasSlot and -1 or draw()
  if not slot then return ask.tells and answer('later') or { 'later' } end
  takePair(pair)
  tag = math.max(tag, ask.tag)
  local attempt = string.format('%.0f', (message[7] or 0) + 1)
  local line = string.format('%s\\ns%.0f #%s', message[9], at - acceptedAt, attempt)
  redis.call('HSET', record, 'status', 'sending', 'claims', string.format('%.0f', (message[6] or 0) + 1),
    'attempts', attempt, 'timeline', line)
  return answer('claimed', slot, sealed)
end

local answers = { 0 }
for i, ask in ipairs(cjson.decode(ARGV[7])) do
  if ask.from then
    answers[i + 1] = claim(ask, KEYS[i * 2 + 1], KEYS[i * 2 + 2])
  else
    local slot = draw()
    answers[i + 1] = slot and { 'slot', slot } or { 'later' }
  end
end
answers[1] = untilSlots(pace)
savePace(pace)
if tag >= 0 then serve(KEYS[2], tag, ${RESTART_AT}) end
return cjson.encode(answers)
`

/** An empty one comes as `{}`. */
type Pairs = string[] | Record<string, never>

type Reply =
  | ['claimed', number, string, Pairs]
  | ['slot', number]
  | ['refused', Pairs]
  | ['empty', Pairs]
  | ['paired', number, Pairs]
  | ['later', Pairs?]

declare module 'ioredis' {
  interface RedisCommander<Context> {
    relaisClaim(numberOfKeys: number, ...args: (string | number)[]): Result<string, Context>
  }
}

/** What is asked for: a message, in the state in which it must be, or a slot alone. */
export type Ask =
  | {
      kind: 'message'
      id: string
      from: 'queued' | 'uncertain'
      /** Its place in the order of the queue: see `fairness.ts`. */
      priority: number
      /** Only while this claim is the last one. */
      claims?: number
      /** It has a slot already. */
      hasSlot?: boolean
      /** Its record is wanted although its turn does not come yet. */
      tells?: boolean
    }
  | { kind: 'slot' }

/** `slotMs`: from now on, in milliseconds; undefined where there is no pace, and nothing to wait for. */
export type AskAnswer =
  | { kind: 'claimed'; message: Message; sealedContent: string; slotMs: number | undefined }
  | { kind: 'slot'; slotMs: number | undefined }
  /** It is not where it would have to be, too late, or gone. */
  | { kind: 'refused'; message: Message | undefined }
  /** Its content is gone. */
  | { kind: 'empty'; message: Message | undefined }
  /** Its recipient has had too much: it has to wait for so long. */
  | { kind: 'paired'; message: Message | undefined; waitMs: number }
  /** No slot is near. */
  | { kind: 'later'; message?: Message | undefined }

/** @param options.now the clock of messages, in milliseconds since 1970 */
export function createClaims(options: {
  redis: RedisClient
  keys: Keys
  pacing: Pick<Pacing, 'of'>
  now?: () => number
}) {
  const { redis, keys, pacing, now = Date.now } = options
  redis.defineCommand('relaisClaim', { lua: CLAIM })

  return {
    /**
     * Answers asks in order; `nextMs`: when it is worth asking again for what comes later. A message is claimed from this moment on, whether
     * the answer arrives or not.
     *
     * @param unused slots that were drawn before and not used: those that come are set a little closer together
     */
    async take(
      sender: PacedSender,
      asks: readonly Ask[],
      unused = 0,
    ): Promise<{ answers: AskAnswer[]; nextMs: number }> {
      const [paceKey, ...pace] = pacing.of(sender)
      const names = asks.flatMap((ask) =>
        ask.kind === 'message' ? [keys.message(ask.id), keys.content(ask.id)] : [paceKey, paceKey],
      )
      const json = await redis.relaisClaim(
        2 + names.length,
        paceKey,
        keys.fairness(),
        ...names,
        ...pace,
        unused,
        now(),
        keys.pair(sender.phoneNumberId, ''),
        JSON.stringify(asks.map(wanted)),
      )
      const [nextMicros, ...replies] = JSON.parse(json) as [number, ...Reply[]]
      const answers = replies.map((reply, i) => {
        const ask = asks[i]
        return readReply(ask?.kind === 'message' ? ask.id : '', reply)
      })
      return { answers, nextMs: Math.ceil(nextMicros / 1000) }
    },
  }
}

export type Claims = ReturnType<typeof createClaims>

/** An ask as the script reads it. */
function wanted(ask: Ask) {
  if (ask.kind === 'slot') return {}
  const { from, claims, hasSlot, tells, priority } = ask
  return {
    from,
    tag: tagOf(priority),
    ...(claims !== undefined && { claims: String(claims) }),
    ...(hasSlot && { hasSlot }),
    ...(tells && { tells }),
  }
}

function readReply(id: string, reply: Reply): AskAnswer {
  switch (reply[0]) {
    case 'claimed': {
      const [kind, slot, sealedContent, pairs] = reply
      const message = readPairs(id, pairs)
      if (!message) throw new Error('the record of a message that was claimed cannot be read')
      return { kind, message, sealedContent, slotMs: toMs(slot) }
    }
    case 'slot':
      return { kind: 'slot', slotMs: toMs(reply[1]) }
    case 'paired':
      return { kind: 'paired', waitMs: reply[1], message: readPairs(id, reply[2]) }
    case 'refused':
    case 'empty':
      return { kind: reply[0], message: readPairs(id, reply[1]) }
    case 'later':
      return { kind: 'later', ...(reply[1] && { message: readPairs(id, reply[1]) }) }
  }
}

function toMs(slot: number): number | undefined {
  return slot < 0 ? undefined : slot / 1000
}
