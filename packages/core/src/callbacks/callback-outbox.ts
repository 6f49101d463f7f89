/**
 * The events of apps that wait to be posted, those that were given up, and how each endpoint does: all in Redis, so nothing of it dies with a process.
 * The script that moves a message puts its events here (`tell-app.ts`); who posts them takes them out one by one, in the order of their message.
 */
import type { Result } from 'ioredis'
import type { Keys } from '../keys.ts'
import type { RedisClient } from '../redis.ts'
import type { EndpointHealth, PausedCallback, WaitingEvent } from './callback-event.ts'
import { callbackNames, CALLBACKS_KEPT_MS, MOST_DEAD, OPEN_CALLBACKS } from './tell-app.ts'

/** So many events of one message are read at a time. */
const EVENTS_AT_ONCE = 8

/** So many messages are made dead letters in one step. */
const BURIED_AT_ONCE = 100

/** KEYS 1 callbacks · ARGV 1 now (ms) · 2 names of due, without the app · 3 names of health. Returns the apps that have something to be posted now; nothing where no app has a callback. */
const DUE_APPS = `
local found, apps = {}, redis.call('HKEYS', KEYS[1])
if #apps == 0 then return false end
for _, app in ipairs(apps) do
  if redis.call('ZCOUNT', ARGV[2] .. app, '-inf', ARGV[1]) > 0 then
    local held = redis.call('HGET', ARGV[3] .. app, 'heldUntil')
    if not held or tonumber(held) <= tonumber(ARGV[1]) then found[#found + 1] = app end
  end
end
return found
`

/** KEYS 1 callbacks · ARGV 1 names of health, without the app · 2 names of waiting. Returns for each that is paused: app, since when, how many wait, why. */
const PAUSED = `
local found = {}
for _, app in ipairs(redis.call('HKEYS', KEYS[1])) do
  local health = redis.call('HMGET', ARGV[1] .. app, 'pausedAt', 'lastFault')
  if health[1] then
    found[#found + 1] = { app, health[1], tostring(redis.call('ZCARD', ARGV[2] .. app)), health[2] or '' }
  end
end
return found
`

/**
 * KEYS 1 due · 2 waiting · ARGV 1 now (ms) · 2 most · 3 name of a list of events, without the message
 * Returns for each message that is due its id and the first of its events. One whose events are gone is forgotten.
 */
const TAKE = `
local answers = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])) do
  local events = redis.call('LRANGE', ARGV[3] .. id, 0, ${EVENTS_AT_ONCE - 1})
  if #events == 0 then
    redis.call('ZREM', KEYS[1], id)
    redis.call('ZREM', KEYS[2], id)
  else
    answers[#answers + 1] = { id, unpack(events) }
  end
end
return answers
`

/**
 * KEYS 1 events of the message · 2 due · 3 waiting · ARGV 1 message · 2 the sequence of the event that was taken
 * The next one is due at once. Returns 1, or 0 if another is the first.
 */
const TAKEN = `
local head = redis.call('LINDEX', KEYS[1], 0)
if not head or tostring(cjson.decode(head).sequence) ~= ARGV[2] then return 0 end
redis.call('LPOP', KEYS[1])
local rest = redis.call('LINDEX', KEYS[1], 0)
if rest then
  redis.call('ZADD', KEYS[3], cjson.decode(rest).since, ARGV[1])
else
  redis.call('ZREM', KEYS[2], ARGV[1])
  redis.call('ZREM', KEYS[3], ARGV[1])
end
return 1
`

/** KEYS 1 events of the message · 2 due · ARGV 1 message · 2 sequence · 3 tries · 4 when again (ms). Returns 1, or 0 if another is the first. */
const LATER = `
local head = redis.call('LINDEX', KEYS[1], 0)
local event = head and cjson.decode(head)
if not event or tostring(event.sequence) ~= ARGV[2] then return 0 end
event.tries = tonumber(ARGV[3])
redis.call('LSET', KEYS[1], 0, cjson.encode(event))
redis.call('ZADD', KEYS[2], 'XX', ARGV[4], ARGV[1])
return 1
`

/**
 * KEYS 1 waiting · 2 callbacks · ARGV 1 names · 2 app · 3 why · 4 now (ms) · 5 those that wait since then (ms), '' = one message · 6 that message
 * Returns how many events became dead letters.
 */
const BURY = `
${OPEN_CALLBACKS}
local _, bury = openCallbacks(KEYS[2], ARGV[1])
if ARGV[5] == '' then return bury(ARGV[2], ARGV[6], ARGV[3], ARGV[4]) end
local count = 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[5], 'LIMIT', 0, ${BURIED_AT_ONCE})) do
  count = count + bury(ARGV[2], id, ARGV[3], ARGV[4])
end
return count
`

/**
 * KEYS 1 dead · 2 waiting · 3 due · ARGV 1 now (ms) · 2 name of a list of events, without the message
 * Dead letters wait again, before what waits of their message. Returns how many.
 */
const REDRIVE = `
local letters = redis.call('LRANGE', KEYS[1], 0, -1)
for i = #letters, 1, -1 do
  local letter = cjson.decode(letters[i])
  local event = cjson.decode(letter.event)
  event.since = ARGV[1]
  event.tries = nil
  local list = ARGV[2] .. letter.messageId
  redis.call('LPUSH', list, cjson.encode(event))
  redis.call('ZADD', KEYS[2], ARGV[1], letter.messageId)
  redis.call('ZADD', KEYS[3], ARGV[1], letter.messageId)
  redis.call('PEXPIRE', list, ${CALLBACKS_KEPT_MS})
end
for _, key in ipairs({ KEYS[2], KEYS[3] }) do redis.call('PEXPIRE', key, ${CALLBACKS_KEPT_MS}) end
redis.call('DEL', KEYS[1])
return #letters
`

/** KEYS 1 due · 2 health, if it is forgotten that the endpoint was failing. All that waits is due now. Returns 1 if it was paused. */
const MAKE_DUE = `
local paused = 0
if KEYS[2] then
  paused = redis.call('HEXISTS', KEYS[2], 'pausedAt')
  redis.call('HDEL', KEYS[2], 'failures', 'failingSince', 'pausedAt', 'heldUntil', 'lastFault')
end
if redis.call('EXISTS', KEYS[1]) == 1 then
  local left = redis.call('PTTL', KEYS[1])
  redis.call('ZUNIONSTORE', KEYS[1], 1, KEYS[1], 'WEIGHTS', 0)
  if left > 0 then redis.call('PEXPIRE', KEYS[1], left) end
end
return paused
`

/** KEYS 1 due · 2 waiting · 3 dead · 4 health · ARGV 1 name of a list of events, without the message. Forgets all of an app. */
const FORGET = `
for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do redis.call('DEL', ARGV[1] .. id) end
for _, key in ipairs(KEYS) do redis.call('DEL', key) end
return 0
`

/** KEYS 1 health · ARGV 1 kept for (ms) · then names and values by turns; '' = the field goes. */
const SET_HEALTH = `
for i = 2, #ARGV, 2 do
  if ARGV[i + 1] == '' then redis.call('HDEL', KEYS[1], ARGV[i]) else redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 0
`

declare module 'ioredis' {
  interface RedisCommander<Context> {
    relaisDueCallbacks(key: string, ...args: (string | number)[]): Result<string[] | null, Context>
    relaisPausedCallbacks(key: string, ...args: string[]): Result<string[][], Context>
    relaisTakeEvents(due: string, waiting: string, ...args: (string | number)[]): Result<string[][], Context>
    relaisEventTaken(...args: (string | number)[]): Result<number, Context>
    relaisEventLater(...args: (string | number)[]): Result<number, Context>
    relaisBuryEvents(...args: (string | number)[]): Result<number, Context>
    relaisRedriveEvents(...args: (string | number)[]): Result<number, Context>
    relaisMakeEventsDue(numberOfKeys: number, ...keys: string[]): Result<number, Context>
    relaisForgetCallback(...args: string[]): Result<number, Context>
    relaisSetHealth(key: string, ...args: (string | number)[]): Result<number, Context>
  }
}

/** A message of which events wait, and the first of them. */
export type DueMessage = { messageId: string; events: WaitingEvent[] }

/** An event that was given up. */
export type DeadEvent = WaitingEvent & { why: string; diedAt: number }

/** What waits of an app, and how its endpoint does. `waiting` counts messages. */
export type OutboxState = EndpointHealth & { waiting: number; oldestAt?: number; dead: number }

const HEALTH_FIELDS = [
  'failures',
  'failingSince',
  'lastFault',
  'deliveredAt',
  'pausedAt',
  'heldUntil',
] as const satisfies readonly (keyof EndpointHealth)[]

export function createCallbackOutbox({ redis, keys }: { redis: RedisClient; keys: Keys }) {
  redis.defineCommand('relaisDueCallbacks', { numberOfKeys: 1, lua: DUE_APPS })
  redis.defineCommand('relaisPausedCallbacks', { numberOfKeys: 1, lua: PAUSED })
  redis.defineCommand('relaisTakeEvents', { numberOfKeys: 2, lua: TAKE })
  redis.defineCommand('relaisEventTaken', { numberOfKeys: 3, lua: TAKEN })
  redis.defineCommand('relaisEventLater', { numberOfKeys: 2, lua: LATER })
  redis.defineCommand('relaisBuryEvents', { numberOfKeys: 2, lua: BURY })
  redis.defineCommand('relaisRedriveEvents', { numberOfKeys: 3, lua: REDRIVE })
  redis.defineCommand('relaisMakeEventsDue', { lua: MAKE_DUE })
  redis.defineCommand('relaisForgetCallback', { numberOfKeys: 4, lua: FORGET })
  redis.defineCommand('relaisSetHealth', { numberOfKeys: 1, lua: SET_HEALTH })
  const names = callbackNames(keys)

  return {
    /**
     * The apps that have something to be posted now; those whose endpoint is paused only when it is to be tried. Undefined: no app has a
     * callback.
     */
    async dueApps(now: number): Promise<string[] | undefined> {
      const names = [keys.callbackDue(''), keys.callbackHealth('')] as const
      return (await redis.relaisDueCallbacks(keys.callbacks(), now, ...names)) ?? undefined
    },

    /** Messages of which an event is to be posted now, the one that waits longest first. They stay where they are. */
    async due(app: string, now: number, most: number): Promise<DueMessage[]> {
      const rows = await redis.relaisTakeEvents(
        keys.callbackDue(app),
        keys.callbackWaiting(app),
        now,
        most,
        keys.callbackEvents(''),
      )
      return rows.map(([messageId = '', ...events]) => ({
        messageId,
        events: events.map((json) => readEvent(messageId, json)),
      }))
    },

    /** The app took it. False: somebody else was there before. */
    taken: async (app: string, { messageId, sequence }: WaitingEvent): Promise<boolean> =>
      (await redis.relaisEventTaken(
        keys.callbackEvents(messageId),
        keys.callbackDue(app),
        keys.callbackWaiting(app),
        messageId,
        sequence,
      )) === 1,

    /** It did not; it is posted again at `at`. @param event its `tries` count this one */
    async later(app: string, { messageId, sequence, tries }: WaitingEvent, at: number): Promise<void> {
      const key = keys.callbackEvents(messageId)
      await redis.relaisEventLater(key, keys.callbackDue(app), messageId, sequence, tries, at)
    },

    /** Gives up all that waits of a message. Answers how many events that are. */
    bury: (app: string, messageId: string, why: string, at: number): Promise<number> =>
      buryAll(app, why, at, '', messageId),

    /** Gives up messages whose events wait since `since` or longer, some at a time. Answers how many events that are. */
    buryOld: (app: string, since: number, why: string, at: number): Promise<number> =>
      buryAll(app, why, at, since, ''),

    /** The newest dead letters first. */
    async dead(app: string, most: number): Promise<DeadEvent[]> {
      const letters = await redis.lrange(keys.callbackDead(app), -most, -1)
      return letters.map(readLetter).toReversed()
    },

    /** Has all dead letters posted again. Answers how many. */
    redrive: (app: string, now: number): Promise<number> =>
      redis.relaisRedriveEvents(
        keys.callbackDead(app),
        keys.callbackWaiting(app),
        keys.callbackDue(app),
        now,
        keys.callbackEvents(''),
      ),

    async state(app: string): Promise<OutboxState> {
      const [health, waiting, oldest, dead] = await Promise.all([
        redis.hgetall(keys.callbackHealth(app)),
        redis.zcard(keys.callbackWaiting(app)),
        redis.zrange(keys.callbackWaiting(app), '0', '0', 'WITHSCORES'),
        redis.llen(keys.callbackDead(app)),
      ])
      const oldestAt = oldest[1]
      return {
        ...readHealth(health),
        waiting,
        ...(oldestAt !== undefined && { oldestAt: Number(oldestAt) }),
        dead: Math.min(dead, MOST_DEAD),
      }
    },

    /** The endpoints that are paused. */
    async paused(): Promise<PausedCallback[]> {
      const names = [keys.callbackHealth(''), keys.callbackWaiting('')] as const
      const rows = await redis.relaisPausedCallbacks(keys.callbacks(), ...names)
      return rows.map(([app = '', pausedAt, waiting, lastFault = '']) => ({
        app,
        pausedAt: Number(pausedAt),
        waiting: Number(waiting),
        ...(lastFault !== '' && { lastFault }),
      }))
    },

    async health(app: string): Promise<EndpointHealth> {
      return readHealth(await redis.hgetall(keys.callbackHealth(app)))
    },

    async setHealth(app: string, health: EndpointHealth): Promise<void> {
      const fields = HEALTH_FIELDS.flatMap((field) => [field, health[field] ?? ''])
      await redis.relaisSetHealth(keys.callbackHealth(app), CALLBACKS_KEPT_MS, ...fields)
    },

    /** All that waits of the app is to be posted now, whatever its endpoint did. True if it was paused. */
    resume: async (app: string): Promise<boolean> =>
      (await redis.relaisMakeEventsDue(2, keys.callbackDue(app), keys.callbackHealth(app))) === 1,

    /** All that waits of the app is due. */
    makeDue: async (app: string): Promise<void> =>
      void (await redis.relaisMakeEventsDue(1, keys.callbackDue(app))),

    /** Forgets all that waits, and how the endpoint does. */
    async forget(app: string): Promise<void> {
      const all = [
        keys.callbackDue(app),
        keys.callbackWaiting(app),
        keys.callbackDead(app),
        keys.callbackHealth(app),
      ]
      await redis.relaisForgetCallback(...all, keys.callbackEvents(''))
    },
  }

  function buryAll(app: string, why: string, at: number, since: number | '', messageId: string) {
    const waiting = keys.callbackWaiting(app)
    return redis.relaisBuryEvents(waiting, keys.callbacks(), names, app, why, at, since, messageId)
  }
}

export type CallbackOutbox = ReturnType<typeof createCallbackOutbox>

type Written = Omit<WaitingEvent, 'messageId' | 'at' | 'since' | 'tries'> & {
  at: string
  since: string
  tries?: number
}

function readEvent(messageId: string, json: string): WaitingEvent {
  const { at, since, tries = 0, ...event } = JSON.parse(json) as Written
  return { ...event, messageId, at: Number(at), since: Number(since), tries }
}

function readLetter(json: string): DeadEvent {
  const { messageId, why, diedAt, event } = JSON.parse(json) as Record<string, string>
  return { ...readEvent(messageId ?? '', event ?? '{}'), why: why ?? '', diedAt: Number(diedAt) }
}

function readHealth(fields: Record<string, string>): EndpointHealth {
  const { lastFault, ...numbers } = fields
  const read = Object.entries(numbers).map(([field, value]) => [field, Number(value)])
  return { failures: 0, ...Object.fromEntries(read), ...(lastFault !== undefined && { lastFault }) }
}
