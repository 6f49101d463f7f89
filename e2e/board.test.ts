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

type ShownJob = {
  status: string
  job: { name: string; attemptsStarted?: number; attempts: number; finishedOn?: number }
}

const job = async (id: string, queue = 'messages') =>
  (await board('GET', `${queue}/${id}`)).body as unknown as ShownJob

const jobIs = (id: string, status: string, queue = 'messages') =>
  eventually(
    () => job(id, queue),
    (shown) => shown.status === status,
    { what: `job ${id} ${status}` },
  )

/** Has a job that has ended run once more, and waits until it has. */
async function runAgain(id: string, queue = 'messages'): Promise<void> {
  const ended = await eventually(
    () => job(id, queue),
    ({ status }) => status === 'completed' || status === 'failed',
    { what: `an end of job ${id}` },
  )
  const endedAt = ended.job.finishedOn ?? Infinity
  await act(`${queue}/${id}/retry`)
  await eventually(
    () => job(id, queue),
    (shown) => (shown.job.finishedOn ?? 0) > endedAt,
    { what: `another end of job ${id}` },
  )
}

/** The queue of the fallback, to be paused: nobody can do that on the board. It goes on at the end of the test. */
async function fallbackQueue(t: { onTestFinished(close: () => Promise<void>): void }) {
  const { env } = system()
  const redis = openRedis({ kind: 'single', url: env.REDIS_URL }, 'patient', () => undefined)
  const queue = openQueue('fallback', { redis, prefix: env.QUEUE_PREFIX, onError: () => undefined })
  t.onTestFinished(async () => {
    await queue.resume()
    await queue.close()
    redis.disconnect()
  })
  return queue
}

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
    const { send, reaches } = system()
    const queue = await fallbackQueue(t)
    await queue.pause()
    const id = await send(refused, '482913')
    await jobIs(id, 'waiting', 'fallback')
    await act(`fallback/${id}/clean`)
    await queue.resume()
    await reaches(id, ['fallback'], 60_000)
    expect(fallbackRecords(id)).toHaveLength(1)
  })

  it('a message that has ended is run again, however it has ended, and nothing comes of it', async () => {
    const { send, reaches, call, operate, secrets, simulator } = system()
    const end = (id: string, method: string, path = '') =>
      call(method, `/api/messages/${id}${path}`, secrets.apiKey)
    await act('messages/pause')
    const canceled = await send(someone(), '482913')
    expect((await end(canceled, 'DELETE')).status).toBe(200)
    const usedUnsent = await send(someone(), '482913')
    expect((await end(usedUnsent, 'POST', '/used')).status).toBe(200)
    await act('messages/resume')
    const delivered = await send(someone(), '482913')
    const used = await send(someone(), '482913')
    for (const id of [delivered, used]) await reaches(id, ['delivered'])
    expect((await end(used, 'POST', '/used')).status).toBe(200)
    const usedFallen = await send(refused, '482913')
    await reaches(usedFallen, ['fallback'])
    await jobIs(usedFallen, 'completed', 'fallback')
    expect((await end(usedFallen, 'POST', '/used')).status).toBe(200)
    const resent = await send(refused, '482913')
    await reaches(resent, ['fallback'])
    const { statusCode, body } = await operate('POST', `/api/admin/messages/${resent}/resend`)
    expect([statusCode, typeof body['id']]).toEqual([202, 'string'])
    const copy = String(body['id'])
    await reaches(copy, ['fallback'])
    await jobIs(copy, 'completed', 'fallback')

    const all = { canceled, usedUnsent, delivered, used, usedFallen, resent, copy }
    const sends = () => Object.entries(all).map(([what, id]) => [what, sendsOf(simulator, id).length])
    const records = () => Object.entries(all).map(([what, id]) => [what, fallbackRecords(id).length])
    const before = [sends(), records()]
    for (const id of Object.values(all)) await runAgain(id)
    for (const id of [usedFallen, resent, copy]) await runAgain(id, 'fallback')
    await oneArrives()
    expect([sends(), records()]).toEqual(before)
    expect(Object.fromEntries(sends())).toMatchObject({ canceled: 0, usedUnsent: 0, delivered: 1, used: 1 })
    expect(Object.fromEntries(records())).toMatchObject({
      canceled: 0,
      usedUnsent: 0,
      delivered: 0,
      usedFallen: 1,
      resent: 1,
      copy: 1,
    })
  })

  it('a message whose deadline has passed is run again: it is not sent, and no code is shown', async (t) => {
    const { send, reaches, message, simulator } = system()
    const fallen = await send(refused, '482913', { ttlSeconds: 30 })
    const delivered = await send(someone(), '482913', { ttlSeconds: 30 })
    await reaches(fallen, ['fallback'])
    await jobIs(fallen, 'completed', 'fallback')
    await reaches(delivered, ['delivered'])
    const queue = await fallbackQueue(t)
    await queue.pause()
    const held = await send(refused, '482913', { ttlSeconds: 30 })
    await jobIs(held, 'waiting', 'fallback')
    const deadline = Date.parse((await message(held)).expiresAt)
    await eventually(
      () => Date.now(),
      (now) => now > deadline + 100,
      { timeoutMs: 45_000, what: 'the deadline' },
    )
    const sends = () => [fallen, delivered, held].map((id) => sendsOf(simulator, id).length)
    const before = sends()

    for (const id of [fallen, delivered, held]) await runAgain(id)
    await queue.resume()
    await reaches(held, ['fallback'])
    for (const id of [fallen, held]) await runAgain(id, 'fallback')
    await oneArrives()
    expect(sends()).toEqual(before)
    expect(fallbackRecords(fallen)).toMatchObject([{ code: '482913' }])
    expect(fallbackRecords(delivered)).toEqual([])
    expect(fallbackRecords(held)).toMatchObject([{ expired: true }])
    expect(fallbackRecords(held)[0]).not.toHaveProperty('code')
  })

  it('each job says whose message it is', async () => {
    const { send, reaches } = system()
    const to = someone()
    const id = await send(to, '482913')
    await reaches(id, ['delivered'])
    await jobIs(id, 'completed')
    const shown = await job(id)
    expect(shown.job.name).toMatch(`otp to …${to.slice(-4)} · wallet · delivered · until `)
    expect(JSON.stringify(shown)).not.toContain('482913')
    expect(JSON.stringify(shown)).not.toContain(to.slice(1))
  })
})
