import { connect } from 'node:net'
import { freePort } from '@relais/testing'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createMetrics } from '../src/metrics.ts'
import { createProbes } from '../src/probes.ts'

const probes = createProbes({
  metrics: createMetrics(),
  isReady: async () => true,
  beforeScrape: async () => undefined,
  requestMs: 200,
})
let port = 0
beforeAll(async () => {
  port = await freePort()
  await probes.listen(port, '127.0.0.1')
})
afterAll(() => probes.close())

/** All that comes back for these bytes, until the other side closes. */
function exchange(bytes: string, drop = ''): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const timer = setInterval(() => socket.write(drop), 20)
  onTestFinished(() => {
    clearInterval(timer)
    socket.destroy()
  })
  socket.write(bytes)
  return new Promise((resolve) => {
    let received = ''
    socket.setEncoding('latin1').on('data', (chunk: string) => (received += chunk))
    socket.on('error', () => undefined).on('close', () => resolve(received))
  })
}

describe('the probes', () => {
  it.each([
    ['/livez', 200],
    ['/readyz?from=here', 200],
    ['/metrics', 200],
    ['/', 404],
    ['//', 404],
    ['//[', 404],
    ['http://[', 404],
    ['*', 404],
    ['/%zz', 404],
    ['x', 400],
  ])('answer %s with %i', async (url, statusCode) => {
    const request = `GET ${url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`
    const answer = await exchange(request)
    expect(answer).toContain(`HTTP/1.1 ${statusCode} `)
    // What is no HTTP is answered by Node itself.
    if (statusCode !== 400) expect(answer.toLowerCase()).toContain('x-content-type-options: nosniff')
  })

  it.each([
    ['says nothing', '', ''],
    ['trickles', 'GET /livez HTTP/1.1\r\n', 'X: 1\r\n'],
  ])('give up a client that %s', async (_what, start, drop) => {
    expect(await exchange(start, drop)).toContain('HTTP/1.1 408 ')
  })

  it('keep no connection that is not used', async () => {
    expect(await exchange('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n')).toContain('HTTP/1.1 200 ')
  })
})
