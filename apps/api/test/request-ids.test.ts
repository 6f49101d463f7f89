/** What a request is called, and its place in a trace: told with every answer, and to the log. */
import { connect } from 'node:net'
import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { apiFixture, APP_KEY } from './api-fixture.ts'

const { inject, post, postTo, inside, logged, listen } = apiFixture()

const codeTo = (to: string) => ({ to, type: 'otp', code: '482913' })
const trace = `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`

describe('the name of a request', () => {
  it('is the one it came with', async () => {
    const answer = await post(codeTo('+221771234567'), { 'x-request-id': 'login-7781' })
    expect(answer.statusCode).toBe(202)
    expect(answer.headers['x-request-id']).toBe('login-7781')
  })

  it.each(['', 'two words', 'é', 'x'.repeat(129), '\u0001'])('%j is none: it gets another', async (id) => {
    const answer = await post(codeTo('+221771234567'), { 'x-request-id': id })
    expect(answer.statusCode).toBe(202)
    expect(answer.headers['x-request-id']).toMatch(/^req_[0-9a-f-]{36}$/)
  })

  it.each([
    ['a refusal', '/api/messages', 401],
    ['what is not there', '/nowhere', 404],
    ['a URL that cannot be read', '/api/%', 400],
    ['a URL that is too long', `/${'x'.repeat(9000)}`, 414],
    ['a page', '/docs/', 200],
    ['the board', '/admin/queues', 401],
    ['a file', '/openapi.json', 200],
  ])('stands in %s', async (_what, url, statusCode) => {
    const method = url === '/api/messages' ? 'POST' : 'GET'
    const answer = await inject({ method, url, headers: { 'x-request-id': 'mine', traceparent: trace } })
    expect(answer.statusCode).toBe(statusCode)
    expect(answer.headers).toMatchObject({ 'x-request-id': 'mine', traceparent: trace })
  })

  it('stands in answers to what is no request', async () => {
    const port = await listen()
    for (const text of ['NOT HTTP\r\n\r\n', 'GET / HTTP/1.1\r\nHost: x\r\nExpect: wonders\r\n\r\n'])
      expect(await speak(port, text)).toMatch(/\r\nx-request-id: req_[0-9a-f-]{36}\r\n/i)
  })

  it('stays with its messages if it was given, and only then', async () => {
    const { store } = inside()
    const given = (await post(codeTo('+221771234567'), { 'x-request-id': 'login-1' })).json<{ id: string }>()
    const made = (await post(codeTo('+221771234567'))).json<{ id: string }>()
    expect(await store.read(given.id)).toMatchObject({ requestId: 'login-1' })
    expect(await store.read(made.id)).not.toHaveProperty('requestId')
    const batch = { messages: [codeTo('+221771234567'), codeTo('+221771234568')] }
    const answer = await postTo('/api/messages/batch', batch, { 'x-request-id': 'batch-1' })
    for (const { id } of answer.json<{ results: { id: string }[] }>().results)
      expect(await store.read(id)).toMatchObject({ requestId: 'batch-1' })
  })

  it('stands in the line of what was accepted, given or made', async () => {
    const answer = await post(codeTo('+221771234567'))
    const { id } = answer.json<{ id: string }>()
    const line = logged()
      .split('\n')
      .map((text) => JSON.parse(text) as Record<string, unknown>)
      .find(({ event, messageId }) => event === 'message.accepted' && messageId === id)
    expect(line).toMatchObject({ requestId: answer.headers['x-request-id'], acceptMs: expect.any(Number) })
  })

  it('is not shown as part of a message', async () => {
    const { id } = (await post(codeTo('+221771234567'), { 'x-request-id': 'hidden-1' })).json<{
      id: string
    }>()
    const url = `/api/messages/${id}`
    expect((await inject({ url, headers: { authorization: `Bearer ${APP_KEY}` } })).body).not.toContain(
      'hidden-1',
    )
  })
})

describe('the place in a trace', () => {
  it.each([
    `01${trace.slice(2)}`,
    trace.toUpperCase(),
    `${trace}-x`,
    `00-${'0'.repeat(32)}-${'1'.repeat(16)}-01`,
    `00-${'1'.repeat(32)}-${'0'.repeat(16)}-01`,
    trace.slice(0, -1),
  ])('%s is none, and not answered', async (traceparent) => {
    const answer = await inject({ url: '/livez', headers: { traceparent } })
    expect(answer.statusCode).toBe(200)
    expect(answer.headers).not.toHaveProperty('traceparent')
  })

  it('is not kept with a message where nothing is traced', async () => {
    const { id } = (await post(codeTo('+221771234567'), { traceparent: trace })).json<{ id: string }>()
    expect(await inside().store.read(id)).not.toHaveProperty('trace')
    const { opts } = (await inside().queue.getJob(id)) ?? {}
    expect(opts).not.toHaveProperty('telemetry')
  })
})

/** The headers of what is answered to bytes as they are. */
function speak(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    socket.on('data', (bytes) => {
      answer += bytes.toString()
      if (answer.includes('\r\n\r\n')) socket.destroy()
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(answer))
  })
}
