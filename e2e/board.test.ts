/** What operators do to jobs on the board changes when something happens to a message, never what, nor how often. */
import { openQueue, openRedis } from '@relais/core'
import { eventually } from '@relais/testing'
import { describe, expect, it } from 'vitest'
import { recipients, sendsOf, sharedSystem } from './system.ts'

const RECEIPT_MS = 1500

const system = sharedSystem({
  env: { BOARD_WRITES: 'on', DELIVER_WITHIN_SECONDS: '30' },
  simulator: {
    timing: {
      answer: { min: 1, max: 5 },
      sent: { min: RECEIPT_MS, max: RECEIPT_MS },
      delivered: { min: RECEIPT_MS, max: RECEIPT_MS },
    },
  },
})

/** Meta refuses what goes there at once. */
const refused = '+221771230030'
let next = 0
const someone = () => recipients(100)[next++] ?? ''

async function board(method: string, path: string) {
  const { apiUrl, secrets } = system()
  const answer = await fetch(`${apiUrl}/admin/queues/api/queues/${path}`, {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(`awa:${secrets.opsKey}`).toString('base64')}`,
      origin: apiUrl,
    },
  })
  const text = await answer.text()
  return { statusCode: answer.status, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) }
}

async function act(path: string): Promise<void> {
  const { statusCode } = await board('PUT', path)
  expect([200, 204]).toContain(statusCode)
}

type ShownJob = { status: string; job: { attemptsStarted?: number; attempts: number } }

const job = async (id: string, queue = 'messages') =>
  (await board('GET', `${queue}/${id}`)).body as unknown as ShownJob

const jobIs = (id: string, status: string, queue = 'messages') =>
  eventually(
    () => job(id, queue),
    (shown) => shown.status === status,
    { what: `job ${id} ${status}` },
  )

const fallbackRecords = (id: string) =>
  system()
    .events('message.fallback')
    .filter(({ messageId }) => messageId === id)

/** A message that arrives: what was going to be sent before it has been sent by then. */
async function oneArrives(): Promise<void> {
  const id = await system().send(someone(), '1234')
  await system().reaches(id, ['delivered'])
}

describe('on the board', { timeout: 120_000 }, () => {
  it('a message that went to the fallback is run again, and nothing comes of it', async () => {
    const { send, reaches, simulator } = system()
    const id = await send(refused, '482913')
    await reaches(id, ['fallback'])
    await jobIs(id, 'failed')
    await jobIs(id, 'completed', 'fallback')
    const sends = sendsOf(simulator, id).length

    await act(`messages/${id}/retry`)
    await jobIs(id, 'completed')
    await act('messages/retry/failed')
    await act('fallback/retry/completed')
    await jobIs(id, 'completed', 'fallback')
    await oneArrives()
    expect(sendsOf(simulator, id)).toHaveLength(sends)
    expect(fallbackRecords(id)).toHaveLength(1)

    await act('messages/clean/failed')
    await act('messages/clean/completed')
    await act(`fallback/${id}/clean`)
    await oneArrives()
    expect(sendsOf(simulator, id)).toHaveLength(sends)
    expect(fallbackRecords(id)).toHaveLength(1)
  })

  it('a message that waits for a receipt is promoted, and not sent again', async () => {
    const { send, reaches, simulator } = system()
    const to = someone()
    simulator.injectFaults([{ kind: 'reset', accepted: true, to }])
    const id = await send(to, '482913')
    await reaches(id, ['uncertain'])
    await jobIs(id, 'delayed')
    const started = (await job(id)).job.attemptsStarted ?? 1

    await act(`messages/${id}/promote`)
    await eventually(
      () => job(id),
      (shown) => (shown.job.attemptsStarted ?? 0) > started && shown.status === 'delayed',
      { what: 'the job taken and put back' },
    )
    await act('messages/promote')
    await reaches(id, ['delivered'])
    expect(sendsOf(simulator, id)).toHaveLength(1)
  })

  it('a message that waits for another try is promoted, and arrives once', async () => {
    const { send, reaches, simulator } = system()
    const to = someone()
    simulator.injectFaults([{ kind: 'error', code: 131000, to }])
    const id = await send(to, '000123')
    await eventually(
      () => sendsOf(simulator, id).length,
      (sends) => sends >= 1,
      { what: 'a first try' },
    )
    await board('PUT', `messages/${id}/promote`)
    await reaches(id, ['delivered'])
    const taken = simulator.messages().filter(({ callbackData }) => callbackData === id)
    expect(taken).toMatchObject([{ to }])
    expect(JSON.stringify(taken)).toContain('000123')
  })

  it('jobs that are taken away come back, and their messages arrive once', async () => {
    const { send, reaches, simulator } = system()
    await act('messages/pause')
    const removed = await send(someone(), '1111')
    await act(`messages/${removed}/clean`)
    const emptied = await Promise.all([1, 2, 3].map(() => send(someone(), '2222')))
    await act('messages/empty')
    for (const id of [removed, ...emptied])
      expect((await board('GET', `messages/${id}`)).statusCode).toBe(404)
    await act('messages/resume')
    for (const id of [removed, ...emptied]) {
      await reaches(id, ['delivered'], 30_000)
      expect(sendsOf(simulator, id)).toHaveLength(1)
    }
  })

  it('while the queue is paused messages go to the fallback in time, and are not sent when it goes on', async () => {
    const { send, reaches, simulator, fallbackRecord } = system()
    await act('messages/pause')
    const id = await send(someone(), '482913', { deliverWithinSeconds: 2 })
    await reaches(id, ['fallback'], 30_000)
    expect(await fallbackRecord(id)).toMatchObject({ code: '482913', reason: 'rate_limited' })
    await act('messages/resume')
    await oneArrives()
    expect(sendsOf(simulator, id)).toHaveLength(0)
  })

  it('a fallback that was taken away is handed over again', async (t) => {
    const { env, send, reaches } = system()
    const redis = openRedis({ kind: 'single', url: env.REDIS_URL }, 'patient', () => undefined)
    const queue = openQueue('fallback', { redis, prefix: env.QUEUE_PREFIX, onError: () => undefined })
    t.onTestFinished(async () => {
      await queue.close()
      redis.disconnect()
    })
    await queue.pause()
    const id = await send(refused, '482913')
    await jobIs(id, 'waiting', 'fallback')
    await act(`fallback/${id}/clean`)
    await queue.resume()
    await reaches(id, ['fallback'], 60_000)
    expect(fallbackRecords(id)).toHaveLength(1)
  })
})
