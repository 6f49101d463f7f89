/**
 * The guard against pumping: somebody has an app send codes to numbers of his own, by the thousand, because he earns on each message
 * or means to run up a bill. Nobody ever types those codes. The guard counts what is sent and what is used, for each app and each
 * prefix of numbers, and stops a prefix with many codes that were not used and next to none that were. It asks no vendor.
 *
 *     block (number less 4 digits) ─► area (less 6) ─► country ─► the app as a whole
 *
 * A message is looked at from narrow to wide, as far as the first prefix whose codes are plainly used: numbers with a good record of
 * their own are not stopped because of others around them, and do not speak for those either. Nor do numbers with a bad one speak against
 * others: what is sent to a prefix that is suspicious is counted there, and not for the wider ones.
 *
 * Counts halve every three hours. So a stopped prefix lets a code through now and then, and when those are used, or when the flood has
 * passed, it comes back by itself.
 *
 * An app is judged only if it tells of used codes for a good part of all that it sends: one that tells of few, everywhere, is no sign of
 * pumping. What looks like pumping is left out of that account, or taken out again, and an app that was found fit is judged for a week: a
 * flood must not hide behind itself.
 *
 * A process that dies leaves nothing to clean up. A Redis that forgets costs the record: the guard begins anew.
 */
import type { Result } from 'ioredis'
import type { Keys } from '../keys.ts'
import { prefixesOf } from '../phone-number.ts'
import type { RedisClient } from '../redis.ts'
import { GRACE, GUARD, KEPT_MS, WEEK_MS } from './guard-script.ts'

/** "I did not request this code" weighs as much as so many codes that nobody used. */
const NOT_REQUESTED_WEIGHT = 5

/** So many codes to one block that fail because of their recipients are told. */
const FAILING_FROM = 200

/**
 * KEYS  1 records of apps · then the levels of the message
 * ARGV  1 JSON { kind, apps, app, levels }
 * Tells the guard what became of a message after the door: its code was used, the person did not request it, or it was never sent.
 */
const NOTE = `
local plan = cjson.decode(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
${GUARD}
local app = openApp(plan)
if plan.kind ~= 'used' and not app.isKnown then return 0 end
local _, counting, suspicious = walk(plan.levels)
for _, level in ipairs(counting) do
  if plan.kind == 'used' then change(level, 0, 1)
  elseif plan.kind == 'not-requested' then change(level, ${NOT_REQUESTED_WEIGHT}, 0)
  else change(level, -1, 0) end
end
saveRecords()
if plan.kind == 'used' then
  app.usedAt = now
  if not suspicious then change(app, 0, 1) end
  saveApp(plan, app)
elseif plan.kind == 'not-sent' and not suspicious then
  change(app, -1, 0)
  saveApp(plan, app)
end
return 0
`

/** KEYS 1 failures of the block. Counts one more; returns 1 when it is time to tell of them, once. */
const FAILED = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
${GUARD}
local record = readRecord(redis.call('GET', KEYS[1]))
record.sent = record.sent + 1
local isNews = record.sent >= ${FAILING_FROM} and record.said == '-'
if isNews then record.said = 'failing' end
redis.call('SET', KEYS[1], recordText(record), 'PX', ${KEPT_MS})
return isNews and 1 or 0
`

declare module 'ioredis' {
  interface RedisCommander<Context> {
    relaisGuardNote(numberOfKeys: number, ...args: string[]): Result<number, Context>
    relaisGuardFailed(key: string): Result<number, Context>
  }
}

/** A code that was accepted: whose, and to whom. */
export type GuardedMessage = { app: string; to: string; type: string; isTest?: boolean }

/** What the guard hears of a message after it was accepted. Other messages than codes, and those of tests, are none of its business. */
export function createPumpingGuard(options: { redis: RedisClient; keys: Keys }) {
  const { redis, keys } = options
  redis.defineCommand('relaisGuardNote', { lua: NOTE })
  redis.defineCommand('relaisGuardFailed', { numberOfKeys: 1, lua: FAILED })

  return {
    used: (message: GuardedMessage) => note('used', message),

    /** The person says so. Tell it once. */
    notRequested: (message: GuardedMessage) => note('not-requested', message),

    /** It ended for reasons that are not the recipient's: nobody could use it. */
    notSent: (message: GuardedMessage) => note('not-sent', message),

    /** It failed because of its recipient. Answers the block, once, when many did. */
    async failed({ app, to, type, isTest }: GuardedMessage): Promise<string | undefined> {
      if (type !== 'otp' || isTest) return undefined
      const block = prefixesOf(to)[0]?.prefix ?? ''
      return (await redis.relaisGuardFailed(keys.failing(app, block))) === 1 ? block : undefined
    },
  }

  async function note(kind: 'used' | 'not-requested' | 'not-sent', message: GuardedMessage): Promise<void> {
    const { app, to, type, isTest } = message
    if (type !== 'otp' || isTest) return
    const prefixes = prefixesOf(to)
    const levels = prefixes.map(({ size, prefix }, i) => ({ key: i + 2, grace: GRACE[size], prefix }))
    const names = [keys.guardApps(), ...prefixes.map(({ prefix }) => keys.guard(app, prefix))]
    await redis.relaisGuardNote(names.length, ...names, JSON.stringify({ kind, apps: 1, app, levels }))
  }
}

export type PumpingGuard = ReturnType<typeof createPumpingGuard>

/** What is known of an app that tells of used codes. Times are milliseconds since 1970. */
type AppRecord = { sent: number; used: number; at: number; usedAt: number; judgedUntil: number }

/** Does the guard look at what this app sends? @param record as it is kept; undefined when no code was ever used */
export function tellsOfUse(record: string | undefined, now: number): boolean {
  return record !== undefined && now - (JSON.parse(record) as AppRecord).usedAt < WEEK_MS
}
