/** A Redis that fills or falls silent, and sends whose answers get lost: each alert fires when it happens, and clears when it is over. */
import { startRedis, type RedisServer } from '@relais/testing'
import { Redis } from 'ioredis'
import { afterAll, describe, expect, it } from 'vitest'
import { recipients, type System } from '../system.ts'
import { hasPrometheus, watchedSystem } from './watch.ts'

const MAX_MEMORY_MB = 40

describe.skipIf(!hasPrometheus)(
  'alerts about Redis and lost answers (need a Prometheus)',
  { timeout: 240_000 },
  () => {
    let redis: RedisServer | undefined
    afterAll(() => redis?.stop())
    const started = watchedSystem(async () => {
      redis = await startRedis({ args: ['--maxmemory', `${MAX_MEMORY_MB}mb`] })
      return { redisUrl: redis.url, withReceipts: false, env: { PUMPING_GUARD: 'off' } }
    })

    it('a message that is sent again without knowing, until that is a while ago', async () => {
      const { system, watch } = started()
      // Reset after Meta has taken it, and no receipts to tell.
      system.simulator.injectFaults([{ kind: 'reset', accepted: true }])
      await send(system, 1)
      const alert = await watch.fires('RelaisPossibleDuplicates')
      expect(alert.labels['severity']).toBe('note')
      await watch.clears('RelaisPossibleDuplicates')
    })

    it('a Meta that does not answer, until it does', async () => {
      const { system, watch } = started()
      system.simulator.injectFaults([{ kind: 'reset', accepted: false, on: 'any', forSeconds: 3600 }])
      await send(system, 12)
      const meanwhile = () => send(system, 1)
      await watch.fires('RelaisProviderUnreachable', { meanwhile })
      system.simulator.clearFaults()
      await watch.clears('RelaisProviderUnreachable', { meanwhile })
    })

    it('a Redis that fills, until there is room again', async () => {
      const { watch } = started()
      const admin = new Redis(redis?.url ?? '')
      const megabyte = 'x'.repeat(1024 * 1024)
      const fillTo = async (share: number) => {
        for (let i = 0; ; i += 1) {
          const used = Number(/^used_memory:(\d+)/m.exec(await admin.info('memory'))?.[1])
          if (used > share * MAX_MEMORY_MB * 1024 * 1024) return
          await admin.set(`filler:${share}:${i}`, megabyte)
        }
      }
      try {
        await fillTo(0.65)
        await watch.fires('RelaisRedisMemory', { labels: { severity: 'warning' } })
        await fillTo(0.85)
        const alert = await watch.fires('RelaisRedisMemory', { labels: { severity: 'critical' } })
        expect(alert.annotations['summary']).toMatch(/^Redis has used 8\d[.\d]*% of its memory/)
        await admin.del(await admin.keys('filler:*'))
        await watch.clears('RelaisRedisMemory')
      } finally {
        admin.disconnect()
      }
    })

    it('a Redis that does not answer, until it does', async () => {
      const { watch } = started()
      await redis?.freeze()
      await watch.fires('RelaisRedisSilent')
      await redis?.thaw()
      await watch.clears('RelaisRedisSilent')
    })
  },
)

const numbers = recipients(4000)

/** What is not accepted at this moment is no matter. */
async function send(system: System, count: number): Promise<void> {
  const some = numbers.splice(0, count)
  await Promise.all(some.map((to) => system.post({ to, type: 'otp', code: '482913' })))
}
