/** Processes that stand still, and what that leaves: each alert fires when it happens, and clears when it is over. */
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, describe, expect, it } from 'vitest'
import { recipients, type System } from '../system.ts'
import { hasPrometheus, watchedSystem } from './watch.ts'

/** Meta answers for this number that it must not be sent to: the fallback is decided at once. */
const REFUSED = '+221771230030'

describe.skipIf(!hasPrometheus)('alerts about the work (need a Prometheus)', { timeout: 240_000 }, () => {
  let folder = ''
  const logFolder = () => join(folder, 'log')
  const awayFolder = () => join(folder, 'away')
  afterAll(() => rm(folder, { recursive: true, force: true }))
  const started = watchedSystem(async () => {
    folder = await mkdtemp(join(tmpdir(), 'relais-watching-'))
    await mkdir(logFolder())
    return {
      env: { PUMPING_GUARD: 'off', FALLBACK_LOG: join(logFolder(), 'fallback.log') },
      // Nobody listens there.
      simulator: { webhookUrl: 'http://127.0.0.1:9/api/webhooks/whatsapp' },
    }
  })

  it('receipts that do not get through, until they do', async () => {
    const { system, watch } = started()
    const meanwhile = () => send(system, 1)
    await watch.fires('RelaisNoReceipts', { meanwhile })
    system.simulator.webhooks.setUrl(`${system.apiUrl}/api/webhooks/whatsapp`)
    await watch.clears('RelaisNoReceipts', { meanwhile })
  })

  it('a worker that stands still, and a fallback log that is gone, until both are back', async () => {
    const { system, watch } = started()
    const [worker] = system.workers
    await rename(logFolder(), awayFolder())
    await system.sendAny({ to: REFUSED, type: 'otp', code: '482913' })
    await worker?.waitForLine((line) => line.includes('message.fallback_decided'), 30_000)
    worker?.freeze()
    const [id = ''] = await send(system, 3)
    await loseJob(system, id)
    await watch.fires('RelaisWorkerMissing', { labels: { severity: 'critical' } })
    const alert = await watch.fires('RelaisWorkerMissing', { labels: { severity: 'warning' } })
    expect(alert.annotations['summary']).toMatch(/^The worker 127\.0\.0\.1:\d+ does not answer$/)
    await watch.fires('RelaisOldestWaiting')
    await watch.fires('RelaisFallbackStuck')

    worker?.thaw()
    await watch.clears('RelaisWorkerMissing')
    await watch.fires('RelaisSweepRepairs', { labels: { kind: 'job_lost' } })
    await watch.clears('RelaisOldestWaiting')
    await rename(awayFolder(), logFolder())
    await watch.clears('RelaisFallbackStuck')
    await watch.clears('RelaisSweepRepairs')
  })

  it('an API that stands still, until it goes on', async () => {
    const { system, watch } = started()
    system.api.freeze()
    await watch.fires('RelaisApiMissing', { labels: { severity: 'critical' } })
    await watch.fires('RelaisApiMissing', { labels: { severity: 'warning' } })
    system.api.thaw()
    await watch.clears('RelaisApiMissing')
  })
})

const numbers = recipients(4000)

function send(system: System, count: number): Promise<string[]> {
  return Promise.all(numbers.splice(0, count).map((to) => system.send(to, '482913')))
}

/** Redis loses the job of a message that waits. */
async function loseJob({ env }: System, id: string): Promise<void> {
  const redis = new Redis(env.REDIS_URL)
  try {
    expect(await redis.zrem(`${env.QUEUE_PREFIX}:messages:prioritized`, id)).toBe(1)
    await redis.del(`${env.QUEUE_PREFIX}:messages:${id}`)
  } finally {
    redis.disconnect()
  }
}
