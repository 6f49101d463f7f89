/**
 * The limits at the door: what is counted for a message, under which keys. They are all checked before anything is stored, in the one script
 * of `admission.ts`, and shared by all instances; a message that one of them refuses is counted by none. A limit that is off costs nothing.
 *
 * Numbers and addresses stand in key names as keyed digests only, see `keyed-digest.ts`: written under the first key of the ring, looked for
 * under all.
 */
import { createKeyedDigest } from '../keyed-digest.ts'
import type { Keys } from '../keys.ts'
import { prefixesOf } from '../phone-number.ts'
import type { EncryptionKey } from '../sealer.ts'
import { GRACE, GUARD, GUARD_DOOR } from './guard-script.ts'
import { RECIPIENT } from './recipient.ts'
import type { LimitWatch } from './watch.ts'
import { DAY, HOUR, WINDOWS, type WindowShape } from './windows.ts'

/** What can refuse a message at the door; `stop`: an operator. */
export const LIMITS = ['recipient', 'source', 'app', 'prefix', 'guard', 'stop'] as const

export type Limit = (typeof LIMITS)[number]

/** The limits; 0 or absent = off. */
export type Limits = {
  /** The least time between two messages to one recipient, over all apps, up to an hour; doubled by each code that is not used. */
  cooldownMs: number
  /** The most messages to one recipient in any hour, over all apps. */
  maxPerHour: number
  /** The most messages asked for from one source address in any hour, over all apps. */
  sourceMaxPerHour?: number
  /** The most messages of an app in any 24 hours. */
  appMaxPerDay?: (app: string) => number
  /** The most messages of an app to one block of ten thousand numbers in any hour. */
  prefixMaxPerHour?: number
  /** What the guard against pumping does. */
  guard?: 'stop' | 'warn' | 'off'
}

/** A message at the door: its place in the request, and the number it goes to in E.164. */
export type Comer = {
  index: number
  to: string
  /** Is it a one-time code? The guard looks at those. */
  isCode?: boolean
  /** The address of the person who asked for it, as `sourceOf` gives it. */
  source?: string | undefined
}

/** What the limits have to tell at the door: of a prefix, or of an app and its limit of the day. */
export type LimitNews =
  | { kind: 'suspicious' | 'stopped' | 'resumed'; prefix: string; sent: number; used: number }
  | { kind: 'near' | 'reached'; most: number }

/** For the script: places in KEYS, counted from 1. */
type MessagePlan = {
  index: number
  recipient?: number[]
  /** Places in `windows`, counted from 1. */
  windows: number[]
  levels?: { key: number; grace: number; prefix: string }[]
  stoppedMs?: number
}
type WindowPlan = WindowShape & { limit: Limit; keys: number[]; most: number; tells?: boolean }

/** What is to be checked, as LIMIT_CHECKS reads it. */
export type LimitPlan = {
  cooldownMs: number
  maxPerHour: number
  windows: WindowPlan[]
  guard?: { apps: number; app: string; stops?: number }
  messages: MessagePlan[]
}

/**
 * Needs `now`, `news`, `plan` (see `LimitPlan`) and `seed`. `checkLimits` lets messages in, one after the other, so those before count for
 * those behind; it answers what it told of each that is limited, and how many it let in. `uncountLimits` takes back what it counted.
 */
export const LIMIT_CHECKS = `
${WINDOWS}
${RECIPIENT}
${GUARD}
${GUARD_DOOR}
local function openWindows()
  local opened = {}
  for i, window in ipairs(plan.windows) do opened[i] = openWindow(window) end
  return opened
end
local function checkLimits()
  local opened, app = openWindows(), plan.guard and openApp(plan.guard)
  local limited, admitted = {}, 0
  for _, message in ipairs(plan.messages) do
    local wait, limit = message.stoppedMs or 0, 'stop'
    local function longer(ms, by) if ms > wait then wait, limit = ms, by end end
    local counting, suspicious
    if message.levels and wait == 0 then
      local ms
      ms, counting, suspicious = guardWait(plan.guard, app, message.levels)
      longer(ms, 'guard')
    end
    for _, i in ipairs(message.windows) do longer(windowWait(opened[i]), plan.windows[i].limit) end
    if message.recipient then
      longer(recipientWait(message.recipient, plan.cooldownMs, plan.maxPerHour), 'recipient')
    end
    if wait > 0 then
      limited[#limited + 1] = string.format('%.0f:%.0f:%s', message.index, wait, limit)
    else
      admitted = admitted + 1
      for _, i in ipairs(message.windows) do opened[i].added = opened[i].added + 1 end
      if message.recipient then
        countRecipient(message.recipient[1], string.format('%s:%.0f', seed, message.index))
      end
      for _, level in ipairs(counting or {}) do change(level, 1, 0) end
      if counting and not suspicious then change(app, 1, 0) end
    end
  end
  saveWindows()
  saveRecords()
  if app and app.isChanged then saveApp(plan.guard, app) end
  return table.concat(limited, ','), admitted
end
local function uncountLimits(limited)
  local opened, app = openWindows(), plan.guard and openApp(plan.guard)
  for _, message in ipairs(plan.messages) do
    if message.recipient then
      redis.call('ZREM', KEYS[message.recipient[1]], string.format('%s:%.0f', seed, message.index))
    end
    local wasIn = limited and not string.find(',' .. limited, string.format(',%.0f:', message.index), 1, true)
    if wasIn then
      for _, i in ipairs(message.windows) do uncountWindow(opened[i]) end
      if message.levels then
        local _, counting, suspicious = walk(message.levels)
        for _, level in ipairs(counting) do change(level, -1, 0) end
        if not suspicious then change(app, -1, 0) end
      end
    end
  end
  saveRecords()
  if app and app.isChanged then saveApp(plan.guard, app) end
end
`

/** @param options.watch what operators have ruled, and whom the guard looks at; without it there is neither */
export function createLimitPlanner(options: {
  keys: Keys
  encryptionKeys: readonly EncryptionKey[]
  limits: Limits
  watch?: Pick<LimitWatch, 'rulingFor' | 'tellsOfUse'> | undefined
  now?: () => number
}) {
  const { keys, encryptionKeys, limits, watch, now = Date.now } = options
  const digestsOfRecipient = createKeyedDigest(encryptionKeys, 'recipient')
  const digestsOfSource = createKeyedDigest(encryptionKeys, 'source')
  const hasRecipientLimits = limits.cooldownMs > 0 || limits.maxPerHour > 0
  const { sourceMaxPerHour = 0, prefixMaxPerHour = 0, guard = 'off' } = limits

  /** @param place where a key stands among those of the script */
  return (app: string, comers: readonly Comer[], place: (name: string) => number): LimitPlan => {
    const windows: WindowPlan[] = []
    const placeOf = new Map<string, number>()
    const isGuarded =
      guard !== 'off' && comers.some(({ isCode }) => isCode) && watch?.tellsOfUse(app) === true
    const appMost = limits.appMaxPerDay?.(app) ?? 0
    return {
      cooldownMs: limits.cooldownMs,
      maxPerHour: limits.maxPerHour,
      messages: comers.map(planOf),
      windows,
      ...(isGuarded && {
        guard: {
          apps: place(keys.guardApps()),
          app,
          ...(guard === 'stop' && { stops: place(keys.guardStops()) }),
        },
      }),
    }

    function planOf({ index, to, isCode, source }: Comer): MessagePlan {
      const ruling = watch?.rulingFor(app, to)
      const isAllowed = ruling?.ruling === 'allow'
      const isCounted = !isAllowed && (prefixMaxPerHour > 0 || (isGuarded && isCode))
      const prefixes = isCounted ? prefixesOf(to) : []
      const block = prefixes[0]?.prefix
      return {
        index,
        windows: [
          ...(appMost > 0 ? [window('app', DAY, appMost, [keys.appDay(app)])] : []),
          ...(sourceMaxPerHour > 0 && source !== undefined
            ? [window('source', HOUR, sourceMaxPerHour, digestsOfSource(source).map(keys.source))]
            : []),
          ...(prefixMaxPerHour > 0 && block !== undefined
            ? [window('prefix', HOUR, prefixMaxPerHour, [keys.prefixHour(app, block)])]
            : []),
        ],
        ...(hasRecipientLimits && { recipient: digestsOfRecipient(to).map(keys.recipient).map(place) }),
        ...(isGuarded && isCode && prefixes.length > 0 && { levels: prefixes.map(levelOf) }),
        ...(ruling?.ruling === 'stop' && { stoppedMs: ruling.until - now() }),
      }
    }

    function window(limit: Limit, shape: WindowShape, most: number, names: string[]): number {
      const [first = ''] = names
      const known = placeOf.get(first)
      if (known !== undefined) return known
      windows.push({ ...shape, limit, most, keys: names.map(place), ...(limit === 'app' && { tells: true }) })
      placeOf.set(first, windows.length)
      return windows.length
    }

    function levelOf({ size, prefix }: ReturnType<typeof prefixesOf>[number]) {
      return { key: place(keys.guard(app, prefix)), grace: GRACE[size], prefix }
    }
  }
}
