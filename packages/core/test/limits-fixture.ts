/** The door with limits, on a Redis of its own keys; what is counted can be made older. */
import { randomBytes } from 'node:crypto'
import {
  createAdmission,
  createLimitWatch,
  createPumpingGuard,
  createRestartCoolDown,
  createRulings,
  newSeed,
  Secret,
  type AuditEntry,
  type EncryptionKey,
  type LimitNews,
  type Limits,
  type Refusal,
} from '@relais/core'
import { redisFixture } from './redis-fixture.ts'

const OFF: Limits = { cooldownMs: 0, maxPerHour: 0 }

export const newKey = (id: string): EncryptionKey => ({
  id,
  key: new Secret(randomBytes(32).toString('base64')),
})
const k1 = newKey('k1')

type Ask = { app?: string; source?: string; isCode?: boolean; isTest?: boolean }

export function limitsFixture(given: Partial<Limits> = {}, encryptionKeys = [k1]) {
  const { redis, keys } = redisFixture()
  const limits = { ...OFF, ...given }
  const news: LimitNews[] = []
  const audit: AuditEntry[] = []
  const watch = createLimitWatch({ redis, keys, onError: () => undefined })
  const newAdmission = (ring = encryptionKeys) =>
    createAdmission({
      redis,
      keys,
      encryptionKeys: ring,
      limits,
      watch,
      onNews: (_app, one) => news.push(one),
    })
  const admission = newAdmission()
  const guard = createPumpingGuard({ redis, keys })
  const prefix = keys.message('').replace(/message:$/, '')
  const allKeys = () => redis.keys(`${prefix}*`)

  const requestTo = (numbers: string[], { app = 'wallet', source, isCode = true, isTest }: Ask = {}) => ({
    app,
    seed: newSeed(),
    messages: numbers.map((to, index) => ({ index, to, isCode, ...(source !== undefined && { source }) })),
    ...(isTest !== undefined && { isTest }),
  })
  /** For each number, what refused it; undefined for those let in. */
  const askAll = async (numbers: string[], ask?: Ask, by = admission): Promise<(Refusal | undefined)[]> => {
    const result = await by.admit(requestTo(numbers, ask))
    if (!('limited' in result)) throw new Error(result.kind)
    return numbers.map((_, index) => result.limited.get(index))
  }

  return {
    redis,
    keys,
    watch,
    guard,
    news,
    audit,
    allKeys,
    newAdmission,
    requestTo,
    askAll,
    ...admission,
    ask: async (to: string, ask?: Ask, by = admission) => (await askAll([to], ask, by))[0],
    rulings: createRulings({
      redis,
      keys,
      audit: {
        append: async (entry) => ({ ...entry, seq: audit.push(entry), at: 0, previous: '', hash: '' }),
      },
    }),
    restartCoolDown: createRestartCoolDown({ redis, keys, encryptionKeys }),

    /** All that is counted becomes so much older. */
    async age(ms: number): Promise<void> {
      const older = (record: string) => {
        const words = record.split(' ')
        return words.with(2, String(Number(words[2]) - ms)).join(' ')
      }
      const names = await allKeys()
      for (const name of names.filter((key) => key.startsWith(`${prefix}guard:`))) {
        await redis.set(name, older((await redis.get(name)) ?? ''), 'KEEPTTL')
      }
      const apps = await redis.hgetall(keys.guardApps())
      for (const [app, record] of Object.entries(apps)) {
        const { sent, used, ...times } = JSON.parse(record) as Record<string, number>
        const then = Object.entries(times).map(([name, time]) => [name, Math.max(0, time - ms)] as const)
        await redis.hset(keys.guardApps(), app, JSON.stringify({ sent, used, ...Object.fromEntries(then) }))
      }
      for (const name of names.filter((key) => key.startsWith(`${prefix}recipient:`))) {
        for (const member of await redis.zrange(name, '0', '-1')) await redis.zincrby(name, -ms, member)
      }
      for (const name of names.filter((key) => /:(?:source|app-day|prefix-hour):/.test(key))) {
        const bucketMs = name.includes(':app-day:') ? 3_600_000 : 300_000
        const counts = Object.entries(await redis.hgetall(name))
        await redis.del(name)
        for (const [bucket, count] of counts) {
          await redis.hset(name, String(Number(bucket) - Math.round(ms / bucketMs)), count)
        }
      }
    },

    /** The app has sent codes to Ivory Coast before, and told of most that they were used. */
    async accustom(app = 'wallet', codes = 60): Promise<void> {
      await guard.used({ app, to: '+2250701020304', type: 'otp' })
      await watch.look()
      for (let i = 0; i < codes; i += 1) {
        const to = `+22507${String(10_203_000 + i * 7).padStart(8, '0')}`
        await admission.admit(requestTo([to], { app }))
        if (i % 5 < 4) await guard.used({ app, to, type: 'otp' })
      }
    },
  }
}
