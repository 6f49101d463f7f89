/**
 * Where the events of each app are posted to, and the secrets that sign them: made here, sealed in Redis, shown when they are made and never again.
 *
 * A secret that was replaced signs for a day more, beside the new one, so that the app can take the new one at any moment of it.
 */
import type { Result } from 'ioredis'
import type { Keys } from '../keys.ts'
import { takeRandom } from '../random.ts'
import type { RedisClient } from '../redis.ts'
import { UnsealError, type Sealer } from '../sealer.ts'
import { Secret } from '../secret.ts'

/** A replaced secret signs for so long. */
export const OLD_SECRET_MS = 24 * 3600_000

/** So many apps can have a callback: every move of a message looks at their names. */
export const MOST_CALLBACKS = 200

/** As many secrets sign an event at most. */
const MOST_SECRETS = 5

const SECRET_BYTES = 32

/** Of several who change one at the same moment one is first; the others look again. */
const MOST_TRIES = 10

/**
 * KEYS 1 callbacks · ARGV 1 app · 2 what was read, '' = nothing · 3 what it becomes · 4 most
 * Returns 1; 0 if another was first, -1 if there are too many.
 */
const CHANGE = `
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
if ARGV[2] == '' and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[4]) then return -1 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
`

declare module 'ioredis' {
  interface RedisCommander<Context> {
    relaisChangeCallback(key: string, ...args: (string | number)[]): Result<number, Context>
  }
}

/** The callback of an app. Times are milliseconds since 1970. The first secret is the present one; the others sign until they end. */
export type Callback = {
  app: string
  url: Secret
  secrets: readonly { secret: Secret; until?: number }[]
  setAt: number
}

type Kept = { url: string; secrets: { secret: string; until?: number }[]; setAt: number }

/** @param options.now the clock of messages */
export function createCallbackSettings(options: {
  redis: RedisClient
  keys: Keys
  sealer: Sealer
  now?: () => number
}) {
  const { redis, keys, sealer, now = Date.now } = options
  redis.defineCommand('relaisChangeCallback', { numberOfKeys: 1, lua: CHANGE })

  return {
    /** All, by the names of their apps, and the apps whose callback does not open. */
    async list(): Promise<{ callbacks: Callback[]; unreadable: string[] }> {
      const sealed = await redis.hgetall(keys.callbacks())
      const unreadable: string[] = []
      const callbacks = Object.keys(sealed)
        .toSorted()
        .flatMap((app) => {
          try {
            return [callbackOf(app, openKept(app, sealed[app] ?? ''))]
          } catch (error) {
            if (!(error instanceof UnsealError)) throw error
            unreadable.push(app)
            return []
          }
        })
      return { callbacks, unreadable }
    },

    /** Has the app one, whether it opens or not? */
    has: async (app: string): Promise<boolean> => (await redis.hexists(keys.callbacks(), app)) === 1,

    /** Throws `UnsealError`. */
    async read(app: string): Promise<Callback | undefined> {
      const text = await redis.hget(keys.callbacks(), app)
      return text === null ? undefined : callbackOf(app, openKept(app, text))
    },

    /**
     * Sets the URL. An app that has a callback keeps its secrets.
     *
     * @returns the secret, if it was made now; `too-many` where there are too many callbacks
     */
    async set(app: string, url: string): Promise<{ callback: Callback; secret?: Secret } | 'too-many'> {
      let secret: string | undefined
      const kept = await change(app, (known) => {
        secret = known ? undefined : newSecret()
        return { url, secrets: known?.secrets ?? [{ secret: secret ?? '' }], setAt: now() }
      })
      if (kept === 'too-many') return kept
      return { callback: callbackOf(app, kept), ...(secret !== undefined && { secret: new Secret(secret) }) }
    },

    /** Makes a new secret; that before it signs for a day more. Undefined: the app has no callback. */
    async rotate(app: string): Promise<{ secret: Secret; oldUntil: number } | undefined> {
      const secret = newSecret()
      const oldUntil = now() + OLD_SECRET_MS
      const kept = await change(app, (known) => {
        if (!known) return undefined
        const living = known.secrets.filter(({ until = Infinity }) => until > now())
        const old = living.map((each) => ({ ...each, until: each.until ?? oldUntil }))
        return { ...known, secrets: [{ secret }, ...old].slice(0, MOST_SECRETS) }
      })
      return kept === undefined || kept === 'too-many' ? undefined : { secret: new Secret(secret), oldUntil }
    },

    /** False: there was none. */
    async remove(app: string): Promise<boolean> {
      return (await redis.hdel(keys.callbacks(), app)) === 1
    },
  }

  async function change<Next extends Kept | undefined>(
    app: string,
    decide: (known: Kept | undefined) => Next,
  ): Promise<Next | 'too-many'> {
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const text = (await redis.hget(keys.callbacks(), app)) ?? ''
      const next = decide(text === '' ? undefined : openKept(app, text))
      if (next === undefined) return next
      const sealed = sealer.seal(JSON.stringify(next), { purpose: 'callback', id: app })
      const result = await redis.relaisChangeCallback(keys.callbacks(), app, text, sealed, MOST_CALLBACKS)
      if (result === 1) return next
      if (result === -1) return 'too-many'
    }
    throw new Error('the callback could not be changed: too many change it at the same time')
  }

  function openKept(app: string, text: string): Kept {
    return JSON.parse(sealer.open(text, { purpose: 'callback', id: app })) as Kept
  }
}

export type CallbackSettings = ReturnType<typeof createCallbackSettings>

/** The secrets that sign at this moment. */
export function signingSecrets({ secrets }: Callback, at: number): Secret[] {
  return secrets.filter(({ until = Infinity }) => until > at).map(({ secret }) => secret)
}

function callbackOf(app: string, { url, secrets, setAt }: Kept): Callback {
  return {
    app,
    url: new Secret(url),
    secrets: secrets.map(({ secret, ...rest }) => ({ secret: new Secret(secret), ...rest })),
    setAt,
  }
}

function newSecret(): string {
  return `whsec_${takeRandom(SECRET_BYTES).toString('base64')}`
}
