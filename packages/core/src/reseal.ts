/**
 * Seals anew, under the first key of the ring, what lives under the others, so that those can be taken away. Everything may go on
 * meanwhile: a text is replaced only while it is the one that was read, so what was erased, used or revoked in between stays so, and
 * lifetimes are kept.
 *
 * Each place where sealed texts live is a row of `createSealedPlaces`. What cannot be made again are the keyed digests
 * (`keyed-digest.ts`): they are gone after a day, and their key must stay for as long.
 */
import type { Result } from 'ioredis'
import type { Keys } from './keys.ts'
import { askOurNode } from './our-node.ts'
import type { RedisClient } from './redis.ts'
import { keyIdOf, UnsealError, type Owner, type Sealer } from './sealer.ts'

/** So many names of keys are asked for at a time. */
const SCAN_COUNT = 500

/**
 * KEYS 1 where · ARGV 1 the text as it was read · 2 the same under another key · 3 field of the hash, '' = it is no hash
 * Replaces the text, if it is still that. Returns 1, or 0.
 */
const REPLACE = `
if ARGV[3] ~= '' then
  if redis.call('HGET', KEYS[1], ARGV[3]) ~= ARGV[1] then return 0 end
  redis.call('HSET', KEYS[1], ARGV[3], ARGV[2])
  return 1
end
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
return 1
`

declare module 'ioredis' {
  interface RedisCommander<Context> {
    relaisReplaceSealed(key: string, text: string, resealed: string, field: string): Result<number, Context>
  }
}

/** A sealed text, and where it is. */
type SealedText = { key: string; field: string; text: string; owner: Owner }

/** A kind of sealed texts; `batches` walks through all of them, some at a time, and may give one twice. */
export type SealedPlace = { name: string; batches: () => AsyncIterable<SealedText[]> }

/** How many texts are under each key, by place: `{ 'k1': { 'message contents': 17 } }`. */
export type SealedCounts = Record<string, Record<string, number>>

/** The places where texts are sealed. @param options.senderId whose access tokens; undefined if there is no sender */
export function createSealedPlaces(options: {
  redis: RedisClient
  keys: Keys
  senderId: string | undefined
}): SealedPlace[] {
  const { redis, keys, senderId } = options
  return [
    { name: 'message contents', batches: () => strings(keys.content('*'), 'content') },
    { name: 'codes of verifications', batches: () => strings(keys.verificationCode('*'), 'verification') },
    { name: 'access tokens', batches: accessTokens },
    { name: 'api keys', batches: apiKeys },
    { name: 'callbacks', batches: callbacks },
  ]

  async function* strings(all: string, purpose: Owner['purpose']): AsyncIterable<SealedText[]> {
    const idAt = all.length - 1
    let cursor = '0'
    do {
      const [next, names] = (await askOurNode(redis, keys.timers(), (pipeline) =>
        pipeline.scan(cursor, 'MATCH', all, 'COUNT', SCAN_COUNT),
      )) as [string, string[]]
      const texts = names.length > 0 ? await redis.mget(names) : []
      yield names.flatMap((key, index) => {
        const text = texts[index]
        return text ? [{ key, field: '', text, owner: { purpose, id: key.slice(idAt) } }] : []
      })
      cursor = next
    } while (cursor !== '0')
  }

  async function* accessTokens(): AsyncIterable<SealedText[]> {
    if (senderId === undefined) return
    const key = keys.accessToken(senderId)
    const fields = Object.entries(await redis.hgetall(key))
    yield fields.flatMap(([field, text]) => {
      const purpose = /^\d+\.sealed$/.test(field) ? 'access-token' : field === 'appSecret' && 'app-secret'
      return purpose ? [{ key, field, text, owner: { purpose, id: senderId } }] : []
    })
  }

  async function* apiKeys(): AsyncIterable<SealedText[]> {
    const key = keys.apiKeys()
    const fields = Object.entries(await redis.hgetall(key)).filter(([field]) => field !== 'version')
    yield fields.map(([field, text]) => ({ key, field, text, owner: { purpose: 'api-key', id: field } }))
  }

  async function* callbacks(): AsyncIterable<SealedText[]> {
    const key = keys.callbacks()
    const fields = Object.entries(await redis.hgetall(key))
    yield fields.map(([field, text]) => ({ key, field, text, owner: { purpose: 'callback', id: field } }))
  }
}

export function createReseal(options: {
  redis: RedisClient
  sealer: Sealer
  places: readonly SealedPlace[]
}) {
  const { redis, sealer, places } = options
  redis.defineCommand('relaisReplaceSealed', { numberOfKeys: 1, lua: REPLACE })

  return {
    /**
     * Seals anew what is under another key than the first and opens. May be stopped at any point and run again.
     *
     * @returns how many texts were sealed anew
     */
    async reseal(): Promise<number> {
      let resealed = 0
      for (const { batches } of places) {
        for await (const batch of batches()) {
          const old = batch.filter(({ text }) => !sealer.isUnderFirstKey(text))
          const done = await Promise.all(old.map(replace))
          resealed += done.filter(Boolean).length
        }
      }
      return resealed
    },

    /** What there is now, under which key. */
    async count(): Promise<SealedCounts> {
      const counts: SealedCounts = {}
      for (const { name, batches } of places) {
        for await (const batch of batches()) {
          for (const { text } of batch) {
            const ofKey = (counts[keyIdOf(text)] ??= {})
            ofKey[name] = (ofKey[name] ?? 0) + 1
          }
        }
      }
      return counts
    },
  }

  async function replace({ key, field, text, owner }: SealedText): Promise<boolean> {
    const opened = openedOrUndefined(text, owner)
    if (opened === undefined) return false
    return (await redis.relaisReplaceSealed(key, text, sealer.seal(opened, owner), field)) === 1
  }

  /** What does not open stays as it is, and is counted under its key. */
  function openedOrUndefined(text: string, owner: Owner): string | undefined {
    try {
      return sealer.open(text, owner)
    } catch (error) {
      if (error instanceof UnsealError) return undefined
      throw error
    }
  }
}
