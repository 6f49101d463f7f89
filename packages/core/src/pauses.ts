/**
 * What a sender does not use for now: itself, or one of its templates. Meta said something that holds for every message to come (the
 * account is locked, the template is paused), so asking again with each of them would help nobody and make it worse.
 *
 * A pause is shared by all workers. At growing intervals one message is let through as a probe; the first that Meta takes ends it.
 */
import type { Result } from 'ioredis'
import type { Keys } from './keys.ts'
import type { FallbackReason } from './message.ts'
import type { RedisClient } from './redis.ts'

/** Times are milliseconds since 1970. */
export type Pause = {
  /** `sender`, or `template` with name and language. */
  what: string
  reason: FallbackReason
  detail: string
  since: number
  /** From then on one message is let through. */
  probeAt: number
  /** Messages that were let through so far. */
  probes: number
}

/** Who is to be paused: the whole sender, or one template in one language. */
export type Paused = 'sender' | { name: string; language: string }

const PROBE_FIRST_MS = 5000
const PROBE_MOST_MS = 30 * 60_000

/** What is paused is known to a process at most so long after it was. */
const LOOK_MS = 1000

/** A template that nobody has used for so long after its probe was due is forgotten. */
const IDLE_MS = 3600_000

/** Pauses that nobody has touched for so long are forgotten. */
const KEPT_MS = 7 * 24 * 3600_000

/** Names of templates are the apps' to choose: beyond so many nothing more is paused. */
const MOST_PAUSES = 200

/**
 * KEYS 1 pauses · ARGV 1 what · 2 the probe moment as the caller knows it · 3 the next one
 * Lets one caller through at each probe, and counts it. Returns 1 for that one.
 */
const PROBE = `
local pause = redis.call('HGET', KEYS[1], ARGV[1])
if not pause then return 1 end
local known = cjson.decode(pause)
if tostring(known.probeAt) ~= ARGV[2] then return 0 end
known.probeAt = ARGV[3]
known.probes = known.probes + 1
redis.call('HSET', KEYS[1], ARGV[1], cjson.encode(known))
return 1
`

declare module 'ioredis' {
  interface RedisCommander<Context> {
    relaisProbe(key: string, what: string, known: string, next: string): Result<number, Context>
  }
}

/** @param options.onChange told when a pause begins (with it) or ends (without) */
export function createPauses(options: {
  redis: RedisClient
  keys: Keys
  senderId: string
  now?: () => number
  onChange?: (what: string, pause: Pause | undefined) => void
}) {
  const { redis, now = Date.now } = options
  const key = options.keys.pauses(options.senderId)
  redis.defineCommand('relaisProbe', { numberOfKeys: 1, lua: PROBE })
  let held = new Map<string, Pause>()
  let readAt = -Infinity

  return {
    /** Every pause that is on. */
    async all(): Promise<Pause[]> {
      return [...(await read()).values()]
    },

    /** Is anything paused, as far as was known when it was looked at last? */
    areKnown: (): boolean => held.size > 0,

    /** Is anything paused? */
    async areOn(): Promise<boolean> {
      await beFresh()
      return held.size > 0
    },

    /**
     * Why nothing is to be sent with this now. Undefined: go on.
     *
     * @param how `as a probe`: the caller is about to send, and one of those who ask so is let through when it is time
     */
    async check(
      template: { name: string; language: string } | undefined,
      how?: 'as a probe',
    ): Promise<Pause | undefined> {
      await beFresh()
      for (const what of template ? ['sender', nameOf(template)] : ['sender']) {
        const pause = held.get(what)
        if (!pause || (how === undefined && now() >= pause.probeAt)) continue
        if (!(await isProbe(pause))) return pause
      }
      return undefined
    },

    /** Meta said what holds for all messages to come. What is paused already stays as it is: those on their way were refused as well. */
    async begin(paused: Paused, why: { reason: FallbackReason; detail: string }): Promise<void> {
      const what = nameOf(paused)
      if (held.has(what) || held.size >= MOST_PAUSES) return
      const at = now()
      const pause = { ...why, what, since: at, probeAt: at + gapMs(0), probes: 0 }
      const isNew = await redis.hsetnx(
        key,
        what,
        JSON.stringify({ ...pause, probeAt: String(pause.probeAt) }),
      )
      await redis.pexpire(key, KEPT_MS)
      if (isNew === 0) return void (await read())
      held.set(what, pause)
      options.onChange?.(what, pause)
    },

    /** Meta took a message, or told that it is over. */
    async end(paused: Paused): Promise<void> {
      const what = nameOf(paused)
      if (!held.delete(what)) return
      if ((await redis.hdel(key, what)) === 1) options.onChange?.(what, undefined)
    },
  }

  async function beFresh(): Promise<void> {
    if (now() - readAt >= LOOK_MS) await read()
  }

  async function read(): Promise<Map<string, Pause>> {
    const fields = await redis.hgetall(key)
    readAt = now()
    const pauses = Object.entries(fields).map(([what, json]) => readPause(what, json))
    // Nothing was sent with it since long after its last probe: nobody needs it.
    const [idle, present] = [pauses.filter(isIdle), pauses.filter((pause) => !isIdle(pause))]
    if (idle.length > 0) await redis.hdel(key, ...idle.map(({ what }) => what))
    held = new Map(present.map((pause) => [pause.what, pause]))
    return held
  }

  function isIdle({ what, probeAt }: Pause): boolean {
    return what !== 'sender' && now() - probeAt > IDLE_MS
  }

  /** Is it time for a probe, and are we the one who makes it? */
  async function isProbe(pause: Pause): Promise<boolean> {
    if (now() < pause.probeAt) return false
    const probes = pause.probes + 1
    const next = now() + gapMs(probes)
    const isOurs = (await redis.relaisProbe(key, pause.what, String(pause.probeAt), String(next))) === 1
    held.set(pause.what, { ...pause, probeAt: next, probes })
    return isOurs
  }
}

export type Pauses = ReturnType<typeof createPauses>

/** `template otp_login fr`: a name has no spaces. */
function nameOf(paused: Paused): string {
  return paused === 'sender' ? 'sender' : `template ${paused.name} ${paused.language}`
}

function readPause(what: string, json: string): Pause {
  const pause = JSON.parse(json) as Pause
  return { ...pause, what, probeAt: Number(pause.probeAt) }
}

function gapMs(probes: number): number {
  return Math.min(PROBE_MOST_MS, PROBE_FIRST_MS * 2 ** probes)
}
