import { eventually } from '@relais/testing'
import { Axios, type AxiosError } from 'axios'
import { expect, it, onTestFinished } from 'vitest'
import { createUndiciAdapter } from '../src/graph/undici-adapter.ts'
import { serveRaw } from './graph-fixture.ts'

const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK'

/** axios with the adapter, for one server. */
function setup(port: number, options: { timeoutMs?: number; maxSockets?: number; idleMs?: number } = {}) {
  const { adapter, close } = createUndiciAdapter({
    origin: `http://127.0.0.1:${port}`,
    timeoutMs: options.timeoutMs ?? 5000,
    maxSockets: options.maxSockets ?? 1,
    idleMs: options.idleMs ?? 4000,
    maxAnswerBytes: 1024,
  })
  onTestFinished(close)
  return new Axios({ adapter, validateStatus: () => true })
}

it.each(['', 'Keep-Alive: timeout=600\r\n'])(
  'a connection without a call is dropped after its time, whatever the server offers: %j',
  async (offer) => {
    const { port, open } = await serveRaw((socket) =>
      socket.on('data', () => socket.write(ANSWER.replace('Content', `${offer}Content`))),
    )
    const client = setup(port, { idleMs: 50 })
    expect(await client.get('/')).toMatchObject({ status: 200, data: 'OK' })
    await eventually(
      () => open.size,
      (size) => size === 0,
      { what: 'a closed connection' },
    )
    expect(await client.get('/')).toMatchObject({ status: 200, data: 'OK' })
  },
)

it.each(['GET', 'POST'])('a %s whose connection breaks is not repeated', async (method) => {
  const seen: string[] = []
  const { port } = await serveRaw((socket) =>
    socket.once('data', (bytes: Buffer) => {
      seen.push(bytes.toString())
      if (bytes.includes('/first ')) socket.resetAndDestroy()
      else socket.write(ANSWER)
    }),
  )
  const client = setup(port)
  const failure = await client.request({ method, url: '/first' }).catch((error: AxiosError) => error)
  expect(failure).toMatchObject({ code: 'ECONNRESET', request: expect.anything() })
  expect(await client.request({ method, url: '/second' })).toMatchObject({ status: 200 })
  expect(seen.map((request) => request.split(' ')[1])).toEqual(['/first', '/second'])
})

it('a call whose time ends before it has a connection is never written', async () => {
  const seen: string[] = []
  const { port } = await serveRaw((socket) => {
    socket.on('data', (bytes: Buffer) => {
      seen.push(bytes.toString().split(' ')[1] ?? '')
      if (!bytes.includes('/hangs ')) socket.write(ANSWER)
    })
  })
  const client = setup(port, { timeoutMs: 300 })
  const calls = ['/hangs', '/waits'].map((url) => client.get(url).catch((error: AxiosError) => error))
  const [hanging, waiting] = await Promise.all(calls)
  expect(hanging).toMatchObject({ code: 'ECONNABORTED', request: expect.anything() })
  expect(waiting).toMatchObject({ code: 'ECONNABORTED' })
  // Its time may have ended just after that of the one before it.
  const isWritten = (waiting as AxiosError).request !== undefined
  expect(await client.get('/last')).toMatchObject({ status: 200 })
  expect(seen).toEqual(['/hangs', ...(isWritten ? ['/waits'] : []), '/last'])
})
