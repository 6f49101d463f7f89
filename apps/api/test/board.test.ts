/** The board as a browser asks for it: who may change what, and what is shown. What becomes of messages is in `e2e/board.test.ts`. */
import {
  createKeys,
  createMessageStore,
  openQueue,
  openRedis,
  OPERATOR_SCOPES,
  Secret,
  type Caller,
  type Message,
  type QueueName,
} from '@relais/core'
import { sharedRedisUrl, uniquePrefix } from '@relais/testing'
import { Worker } from 'bullmq'
import Fastify from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLoginGuard } from '../src/login-guard.ts'
import { registerAuth } from '../src/plugins/auth.ts'
import { registerBoard } from '../src/plugins/board.ts'
import { apiFixture, ENCRYPTION_KEY, OPS_KEY } from './api-fixture.ts'

const operator = { authorization: `Basic ${Buffer.from(`awa:${OPS_KEY}`).toString('base64')}` }
const sameOrigin = { ...operator, 'sec-fetch-site': 'same-origin' }

const NAMES: QueueName[] = ['messages', 'fallback', 'receipts', 'access-token', 'callbacks']
const redis = openRedis({ kind: 'single', url: sharedRedisUrl() }, 'patient', () => undefined)
const prefix = uniquePrefix()
const open = (name: QueueName) => openQueue<object>(name, { redis, prefix, onError: () => undefined })
const [messages, receipts] = [open('messages'), open('receipts')]
const queues = [messages, open('fallback'), receipts, open('access-token'), open('callbacks')]
const store = createMessageStore({
  redis,
  keys: createKeys(prefix),
  encryptionKeys: [{ id: 'k1', key: new Secret(ENCRYPTION_KEY) }],
})
const actions: unknown[][] = []
const app = Fastify()
beforeAll(async () => {
  const caller: Caller = { kind: 'operator', name: 'awa', keyId: 'k', scopes: OPERATOR_SCOPES }
  registerAuth(app, {
    callers: { identify: async () => ({ kind: 'known', caller }) },
    loginGuard: createLoginGuard(),
    onLogin: () => undefined,
  })
  const onAction = (...action: unknown[]) => void actions.push(action)
  await registerBoard(app, { queues, store, allowsWrites: true, onAction })
})
afterAll(async () => {
  await app.close()
  await Promise.all(queues.map((queue) => queue.close()))
  redis.disconnect()
})

const put = (path: string, headers: Record<string, string> = sameOrigin, payload?: object) =>
  app.inject({ method: 'PUT', url: `/admin/queues/api/queues/${path}`, headers, ...(payload && { payload }) })

describe('an action on the board', () => {
  it.each([
    ['of its page', { 'sec-fetch-site': 'same-origin' }, 200],
    ['that was typed in', { 'sec-fetch-site': 'none' }, 200],
    ['of its page, in an older browser', { origin: 'http://relais.example' }, 200],
    ['of another site', { 'sec-fetch-site': 'cross-site' }, 403],
    ['of a neighbour', { 'sec-fetch-site': 'same-site', origin: 'http://relais.example' }, 403],
    ['of another site, in an older browser', { origin: 'http://elsewhere.example' }, 403],
    ['of another port', { origin: 'http://relais.example:8080' }, 403],
    ['of a page that hides where it is', { origin: 'null' }, 403],
    ['of nobody knows what', {}, 403],
  ])('%s', async (_what, headers, statusCode) => {
    const answer = await put('messages/resume', { ...operator, host: 'relais.example', ...headers })
    expect(answer.statusCode).toBe(statusCode)
    if (statusCode === 403) expect(answer.headers['content-type']).toContain('application/problem+json')
  })

  it.each([
    ['PUT', 'receipts/pause'],
    ['PUT', 'receipts/empty'],
    ['PUT', 'fallback/pause'],
    ['PUT', 'access-token/empty'],
    ['PUT', 'pause'],
    ['PUT', 'resume'],
    ['POST', 'messages/add'],
    ['PATCH', 'messages/1/update-data'],
    ['PATCH', 'messages/1/delay'],
    ['PATCH', 'messages/1/priority'],
    ['PUT', 'messages/obliterate'],
    ['PUT', 'messages/concurrency'],
    ['PUT', 'messages/rate-limit'],
    ['PUT', 'messages/rate-limit/release'],
    ['PUT', 'access-token/job-schedulers/renewal/remove'],
    ['PUT', 'access-token/job-schedulers/renewal/run'],
    ['PATCH', 'access-token/job-schedulers/renewal'],
    ['DELETE', 'messages'],
    ['PUT', '__proto__/pause'],
  ] as const)('%s %s is not done by hand', async (method, path) => {
    const told = actions.length
    const url = `/admin/queues/api/queues/${path}`
    const answer = await app.inject({ method, url, headers: sameOrigin, payload: {} })
    // What is not even a route is a 404.
    expect([403, 404]).toContain(answer.statusCode)
    expect(actions).toHaveLength(told)
  })

  it('leaves no route out: each that changes something is allowed by name, or refused', async () => {
    const routes = app.printRoutes({ commonPrefix: false, method: 'PUT' })
    expect(routes).toContain('api/queues')
    const { appRoutes } = (await import('@bull-board/api/dist/routes.js' as string)) as {
      appRoutes: { api: { method: string; route: string }[] }
    }
    const changing = appRoutes.api.filter(({ method }) => method !== 'get')
    expect(changing.length).toBeGreaterThan(20)
    const answers = await Promise.all(
      changing.map(async ({ method, route }) => {
        const path = route
          .replace(':queueName', 'receipts')
          .replace(':jobId', '1')
          .replace(':queueStatus', 'failed')
          .replace(':schedulerId', 'x')
        const asked = { method: method.toUpperCase() as 'PUT', headers: sameOrigin, payload: {} }
        return (await app.inject({ ...asked, url: `/admin/queues${path}` })).statusCode
      }),
    )
    expect(new Set(answers)).toEqual(new Set([403]))
  })

  it('is told with who did it, before it is done', async () => {
    const job = await messages.add('deliver', {}, { jobId: 'msg_1', delay: 60_000 })
    expect((await put('messages/msg_1/promote')).statusCode).toBe(204)
    expect(actions.at(-1)).toEqual(['awa', 'promote', 'messages', 'msg_1'])
    expect(await job.isDelayed()).toBe(false)
    expect((await put('messages/empty')).statusCode).toBe(200)
    expect(actions.at(-1)).toEqual(['awa', 'empty', 'messages', undefined])
  })
})

describe('without BOARD_WRITES', () => {
  const { inject } = apiFixture()

  it('nothing is changed, wherever it comes from', async () => {
    const url = '/admin/queues/api/queues/messages/pause'
    const answer = await inject({ method: 'PUT', url, headers: sameOrigin })
    expect(answer.json()).toMatchObject({ status: 405, code: 'forbidden' })
  })

  it('what it cannot answer is a problem, and no outage', async () => {
    for (const [url, statusCode] of [
      ['static/%2e%2e%2findex.ejs', 404],
      ['api/queues?activeQueue=%', 400],
      ['api/queues?activeQueue=messages&status=__proto__', 400],
      ['api/queues/messages/none', 404],
      ['api/queues/__proto__/none', 404],
    ] as const) {
      const answer = await inject({ url: `/admin/queues/${url}`, headers: operator })
      expect(answer.headers['content-type']).toContain('application/problem+json')
      expect(answer.json()).toMatchObject({ status: statusCode, detail: expect.any(String) })
    }
  })

  it('a page still needs the password, and a wrong one is a problem', async () => {
    const answer = await inject({ url: '/admin/queues', headers: { authorization: 'Basic eDp5' } })
    expect(answer.json()).toMatchObject({ status: 401, code: 'unauthorized' })
    expect(answer.headers['www-authenticate']).toMatch(/^Basic /)
  })
})

describe('no view of the board', () => {
  const SECRET = 'EAAsecret482913'

  it('shows what an error said, a log holds, or who was written to', async () => {
    const provider = `wamid.${Buffer.from('221771234567').toString('base64')}`
    await receipts.add('record', {
      receipts: [{ providerMessageId: provider, status: 'sent', at: 1 }],
      notices: [{ kind: 'not-requested', providerMessageId: provider }],
      looks: 0,
    })
    const job = await messages.add('deliver', { messageId: 'msg_2' }, { jobId: 'msg_2' })
    await job.log(SECRET)
    await job.updateProgress(1)
    const worker = new Worker('messages', () => Promise.reject(new Error(`refused: ${SECRET}`)), {
      connection: redis,
      prefix,
    })
    await new Promise((resolve) => worker.once('failed', resolve))
    await worker.close()
    const views = [
      'queues',
      ...NAMES.map((name) => `queues?activeQueue=${name}&status=latest`),
      'queues?activeQueue=messages&status=failed',
      'queues/messages/msg_2',
      'queues/messages/msg_2/logs',
      'queues/messages/msg_2/flow',
      'queues/messages/metrics',
      'queues/messages/workers',
      'queues/messages/default-job-options',
      'job-schedulers',
      'redis/stats',
    ]
    for (const view of views) {
      const answer = await app.inject({ url: `/admin/queues/api/${view}`, headers: operator })
      expect(answer.statusCode).toBe(200)
      expect(answer.body).not.toContain(SECRET)
      expect(answer.body).not.toContain(provider)
    }
    const shown = await app.inject({ url: '/admin/queues/api/queues/messages/msg_2', headers: operator })
    expect(shown.json()).toMatchObject({ job: { failedReason: expect.stringContaining('job.failed') } })
  })

  it('and it keeps the reasons of the fallback, which are our own words', async () => {
    await messages.add('deliver', { messageId: 'msg_3' }, { jobId: 'msg_3' })
    const worker = new Worker('messages', () => Promise.reject(new Error('fallback: rate_limited')), {
      connection: redis,
      prefix,
    })
    await new Promise((resolve) => worker.once('failed', resolve))
    await worker.close()
    const shown = await app.inject({ url: '/admin/queues/api/queues/messages/msg_3', headers: operator })
    expect(shown.json()).toMatchObject({ job: { failedReason: 'fallback: rate_limited', stacktrace: [] } })
  })

  it('a page loads nothing from elsewhere and has no script or style of its own', async () => {
    const page = await app.inject({ url: '/admin/queues', headers: operator })
    expect(page.statusCode).toBe(200)
    expect(page.body).not.toMatch(/https?:|<style|style=|onload=/)
    expect(page.body.match(/<script(?![^>]*(src=|application\/json))/g)).toBeNull()
  })

  it('a page leads back to the state of Relais', async () => {
    const page = await app.inject({ url: '/admin/queues', headers: operator })
    expect(page.body).toContain('{"text":"Relais: state","url":"/admin"}')
  })
})

describe('each queue', () => {
  it('says what it is and what its numbers mean', async () => {
    const answer = await app.inject({ url: '/admin/queues/api/queues', headers: operator })
    const shown = answer.json<{ queues: { name: string; displayName: string; description: string }[] }>()
      .queues
    expect(shown.map(({ name }) => name)).toEqual(NAMES)
    for (const { displayName, description } of shown) {
      expect(displayName).toMatch(/^[A-Z]/)
      expect(description.split('. ').length).toBeGreaterThan(1)
    }
  })
})

describe('each job', () => {
  type Job = { id: string; name: string; data: object; externalUrl?: { href: string } }
  const expiresAt = Date.now() + 60_000
  const message: Message = {
    id: 'msg_told',
    app: 'wallet',
    type: 'otp',
    to: '+221771234567',
    status: 'queued',
    attempts: 0,
    claims: 0,
    waits: 0,
    acceptedAt: Date.now(),
    expiresAt,
    timeline: [],
  }
  const tellOf = async (name: QueueName, id: string) =>
    (await app.inject({ url: `/admin/queues/api/queues/${name}/${id}`, headers: operator })).json<{
      job: Job
    }>().job
  const pageOf = async (name: QueueName, query: string) => {
    const url = `/admin/queues/api/queues?activeQueue=${name}&${query}`
    const { queues: all } = (await app.inject({ url, headers: operator })).json<{
      queues: { name: string; jobs: Job[] }[]
    }>()
    return all.find((each) => each.name === name)?.jobs ?? []
  }

  it('says whose message it is, as far as it may be known, and leads to it', async () => {
    await store.create(message, 'sealed')
    await store.decideFallback('msg_told', { reason: 'undelivered', detail: 'no receipt' })
    await store.move('msg_told', { to: 'fallback' })
    const until = new Date(expiresAt).toISOString()
    for (const name of ['messages', 'fallback'] as const) {
      await open(name).add('deliver', { messageId: 'msg_told' }, { jobId: 'msg_told', delay: 60_000 })
      const job = await tellOf(name, 'msg_told')
      expect(job.name).toBe(`otp to …4567 · wallet · fallback: undelivered · until ${until}`)
      expect(job.data).toEqual({
        messageId: 'msg_told',
        message: {
          app: 'wallet',
          to: '…4567',
          type: 'otp',
          status: 'fallback',
          reason: 'undelivered',
          expiresAt: until,
        },
      })
      expect(job.externalUrl?.href).toBe('/admin/messages/msg_told')
      expect(await pageOf(name, 'status=delayed')).toMatchObject([{ id: 'msg_told', name: job.name }])
    }
  })

  it('says so when the record is gone', async () => {
    await messages.add('deliver', { messageId: 'msg_gone' }, { jobId: 'msg_gone', delay: 60_000 })
    expect(await tellOf('messages', 'msg_gone')).toMatchObject({
      name: 'record is gone',
      data: { messageId: 'msg_gone', message: 'record is gone' },
    })
  })

  it('of receipts leads to the first message that is named, if it can be the id of one', async () => {
    const receipt = { providerMessageId: 'wamid.x', status: 'sent', at: 1 }
    const add = async (messageId?: string) => {
      const named = { ...receipt, ...(messageId !== undefined && { messageId }) }
      return String(
        (await receipts.add('record', { receipts: [receipt, named], looks: 0 }, { delay: 60_000 })).id,
      )
    }
    expect(await tellOf('receipts', await add('msg_1'))).toMatchObject({
      name: 'record',
      externalUrl: { href: '/admin/messages/msg_1' },
    })
    for (const id of [await add(), await add('../../x'), await add('javascript:x')])
      expect(await tellOf('receipts', id)).not.toHaveProperty('externalUrl')
  })

  it('of a page is told in bounds, however long the page is asked to be', async () => {
    await messages.obliterate({ force: true })
    const ids = Array.from({ length: 130 }, (_, i) => `msg_many_${i}`)
    await messages.addBulk(
      ids.map((id) => ({ name: 'deliver', data: { messageId: id }, opts: { jobId: id, priority: 1 } })),
    )
    const jobs = await pageOf('messages', 'status=prioritized&jobsPerPage=130')
    const told = jobs.filter(({ name }) => name === 'record is gone')
    expect([jobs.length, told.length]).toEqual([130, 100])
  })

  it('stays what it is when it is run again', async () => {
    await messages.obliterate({ force: true })
    await messages.add('deliver', { messageId: 'msg_told' }, { jobId: 'msg_told' })
    const worker = new Worker('messages', () => Promise.reject(new Error('fallback: undelivered')), {
      connection: redis,
      prefix,
    })
    await new Promise((resolve) => worker.once('failed', resolve))
    await worker.close()
    expect((await put('messages/msg_told/retry')).statusCode).toBe(204)
    const job = await messages.getJob('msg_told')
    expect(job).toMatchObject({ name: 'deliver', data: { messageId: 'msg_told' } })
  })
})
