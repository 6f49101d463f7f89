import { randomBytes } from 'node:crypto'
import {
  createEvents,
  createKeys,
  createLogger,
  createMessageStore,
  createMetrics,
  createSealer,
  failFastOptions,
  openQueue,
  openRedis,
  Secret,
  type MessageJob,
} from '@relais/core'
import { eventually, startRedis, uniquePrefix } from '@relais/testing'
import { expect, it, onTestFinished } from 'vitest'
import { createAcceptMessage } from '../src/accept-message.ts'

it('a message that Redis takes too late is refused, and then it is not sent either', async () => {
  const server = await startRedis()
  const redis = openRedis(server.url, failFastOptions(5000), () => undefined)
  const prefix = uniquePrefix()
  const keys = createKeys(prefix)
  const queue = openQueue<MessageJob>('messages', { redis, prefix, onError: () => undefined })
  onTestFinished(async () => {
    await queue.close()
    redis.disconnect()
    await server.stop()
  })
  const acceptMessage = createAcceptMessage({
    store: createMessageStore({ redis, keys }),
    queue,
    sealer: createSealer([{ id: 'k1', key: new Secret(randomBytes(32).toString('base64')) }]),
    events: createEvents({
      logger: createLogger({ name: 'api', level: 'silent', isPretty: false }),
      metrics: createMetrics(),
    }),
    defaults: { template: 'otp_login', language: 'fr', ttlSeconds: 300 },
    withinMs: 50,
  })
  await eventually(
    () => redis.status,
    (status) => status === 'ready',
  )
  const request = { type: 'otp', to: '+221771234567', code: '482913' } as const
  // Redis answers nobody for a while, then does all that it was told.
  await redis.call('CLIENT', 'PAUSE', '500', 'ALL')
  await expect(acceptMessage('wallet', request)).rejects.toMatchObject({ code: 'queue_unavailable' })
  const records = await eventually(
    () => redis.keys(keys.message('*')),
    ({ length }) => length === 1,
  )
  // The next one is accepted, so the refused one has had its time.
  const accepted = await eventually(
    () => acceptMessage('wallet', request).catch(() => undefined),
    (message) => message !== undefined,
  )
  const jobs = (await queue.getJobs()).map((job) => keys.message(job.data.messageId))
  expect(jobs).toContain(keys.message(accepted?.id ?? ''))
  expect(jobs).not.toContain(records[0])
})
