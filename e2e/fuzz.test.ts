/**
 * Requests made from the OpenAPI document: good, nearly good, and hostile. A short run each time, a long one with `npm run fuzz`:
 * FUZZ_REQUESTS, FUZZ_SEED, FUZZ_SLOWEST_MS.
 */
import { randomBytes } from 'node:crypto'
import { freePort, startReceiver } from '@relais/testing'
import { Redis } from 'ioredis'
import { expect, it } from 'vitest'
import { fuzz } from './fuzz/fuzz.ts'
import { isUp, startSystem } from './system.ts'

const setting = (name: string, fallback: number) => Number(process.env[name] ?? fallback)

const REQUESTS = setting('FUZZ_REQUESTS', 600)
const SEED = setting('FUZZ_SEED', 1)

/** How long an answer may take says something only on a machine that does nothing else. */
const SLOWEST_MS = setting('FUZZ_SLOWEST_MS', 15_000)

/** Meta refuses what goes there at once. */
const REFUSED = '+221771230030'

/** Most messages are still waiting when a request comes that is about them. */
const SLOW = { SEND_RATE_PER_SECOND: '1' }

/** A short run says nothing of memory. */
const IS_LONG = REQUESTS >= 5000
const MOST_GROWTH_MB = 32

it('no request, however made, is answered with a fault of ours', { timeout: 3_600_000 }, async (t) => {
  const metricsPort = await freePort()
  const receiver = await startReceiver()
  t.onTestFinished(() => receiver.close())
  const system = await startSystem(t, {
    workers: 0,
    env: {
      METRICS_PORT: String(metricsPort),
      BOARD_WRITES: 'on',
      CALLBACK_ALLOW_PRIVATE: 'on',
      ALERT_WEBHOOK_URL: receiver.url,
      ALERT_WEBHOOK_SECRET: `whsec_${randomBytes(32).toString('base64')}`,
      ...SLOW,
    },
  })
  await isUp(system.startApp('worker', { METRICS_PORT: '0' }))
  for (const app of ['wallet', 'shop'])
    await system.operate('PUT', `/api/admin/callbacks/${app}`, { url: receiver.url })
  const fallenId = await system.send(REFUSED, '482913', { ttlSeconds: 900 })
  await system.reaches(fallenId, ['fallback'])
  const to = '+221771234567'
  const started = await system.call('POST', '/api/verifications', system.secrets.apiKey, { to })
  const { id: resendableId } = (await started.json()) as { id: string }
  const redis = new Redis(system.env.REDIS_URL)
  t.onTestFinished(() => redis.disconnect())
  await redis.hset(`${system.env.QUEUE_PREFIX}:verification:${resendableId}`, 'resendAt', 0)
  const report = await fuzz({
    ...system,
    phoneNumberId: system.env.WHATSAPP_PHONE_NUMBER_ID,
    fallenId,
    resendableId,
    seed: SEED,
    requests: REQUESTS,
    memory: () => memoryOf(metricsPort),
    ...(IS_LONG && { say: (line: string) => process.stdout.write(`${line}\n`) }),
  })
  if (IS_LONG)
    process.stdout.write(`${JSON.stringify({ ...report, faults: report.faults.length }, undefined, 2)}\n`)

  expect(report.faults.slice(0, 10), `seed ${SEED}`).toEqual([])
  expect(report.unreached).toEqual([])
  expect(report.slowest.durationMs).toBeLessThan(SLOWEST_MS)
  if (IS_LONG) {
    const [early, late] = report.memory.heap
    expect(late - early).toBeLessThan(MOST_GROWTH_MB)
  }
  expect((await fetch(`${system.apiUrl}/readyz`)).status).toBe(200)
  // Still the process that was started, and none of its promises was dropped.
  const ended = system.output().filter((line) => /api\.stopping|uncaught|unhandled/i.test(line))
  expect(ended).toEqual([])
  expect(system.events('request.failed').filter(({ statusCode }) => statusCode !== 503)).toEqual([])
})

/** In MB, as the process itself tells. */
async function memoryOf(port: number): Promise<{ rss: number; heap: number }> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  const gauge = (name: string) => Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1]) / 2 ** 20
  return { rss: gauge('process_resident_memory_bytes'), heap: gauge('nodejs_heap_size_used_bytes') }
}
