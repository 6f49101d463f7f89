import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'vitest'
import { eventually, openLink } from '../src/index.ts'

/** A server that says everything back, and a link to it. */
async function echo({ onTestFinished }: TestContext, word = '') {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (bytes) => socket.write(word + String(bytes)))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

async function open(t: TestContext) {
  const link = await openLink(await echo(t))
  t.onTestFinished(() => link.close())
  return link
}

function client(t: TestContext, port: number) {
  const socket: Socket = connect(port, '127.0.0.1')
  let heard = ''
  let fault = ''
  socket.on('data', (bytes) => (heard += String(bytes)))
  socket.on('error', (error: NodeJS.ErrnoException) => (fault = error.code ?? error.message))
  t.onTestFinished(() => void socket.destroy())
  return {
    socket,
    heard: () => heard,
    hears: (text: string) =>
      eventually(
        () => heard,
        (all) => all === text,
        { what: `hearing ${text}` },
      ),
    fails: () =>
      eventually(
        () => fault,
        (code) => code !== '',
        { what: 'a fault' },
      ),
  }
}

describe('a link', () => {
  it('passes on what is said, and counts connections', async (t) => {
    const link = await open(t)
    const one = client(t, link.port)
    one.socket.write('hello')
    await one.hears('hello')
    t.expect([link.connections(), link.total()]).toEqual([1, 1])
    one.socket.end()
    await eventually(link.connections, (count) => count === 0)
  })

  it('is slow, by as much as it is told', async (t) => {
    const link = await open(t)
    const one = client(t, link.port)
    link.delay(120)
    const startedAt = performance.now()
    one.socket.write('hello')
    await one.hears('hello')
    t.expect(performance.now() - startedAt).toBeGreaterThanOrEqual(239)
  })

  it('is cut, and comes back', async (t) => {
    const link = await open(t)
    const one = client(t, link.port)
    one.socket.write('a')
    await one.hears('a')
    link.cut()
    t.expect(await one.fails()).toBe('ECONNRESET')
    t.expect(await client(t, link.port).fails()).toBe('ECONNRESET')
    link.restore()
    const two = client(t, link.port)
    two.socket.write('b')
    await two.hears('b')
  })

  it('refuses, and comes back', async (t) => {
    const link = await open(t)
    const one = client(t, link.port)
    one.socket.write('a')
    await one.hears('a')
    link.refuse()
    t.expect(await one.fails()).toBe('ECONNRESET')
    t.expect(await client(t, link.port).fails()).toBe('ECONNREFUSED')
    link.restore()
    // It listens a moment later.
    await eventually(
      async () => {
        const two = client(t, link.port)
        two.socket.write('b')
        await Promise.race([once(two.socket, 'data'), two.fails()])
        return two.heard()
      },
      (heard) => heard === 'b',
    )
  })

  it('falls silent, and later passes on what was held back', async (t) => {
    const link = await open(t)
    const [one, mark] = [client(t, link.port), await open(t)]
    one.socket.write('a')
    await one.hears('a')
    link.silence()
    one.socket.write('b')
    // What goes another way meanwhile arrives.
    const other = client(t, mark.port)
    other.socket.write('c')
    await other.hears('c')
    t.expect(one.heard()).toBe('a')
    link.restore()
    await one.hears('ab')
  })

  it('leads elsewhere', async (t) => {
    const link = await open(t)
    const one = client(t, link.port)
    one.socket.write('a')
    await one.hears('a')
    link.retarget(await echo(t, '2:'))
    t.expect(await one.fails()).toBe('ECONNRESET')
    const two = client(t, link.port)
    two.socket.write('b')
    await two.hears('2:b')
  })

  it('stops a connection before the bytes it is told of, or the answer to them', async (t) => {
    const received: string[] = []
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.on('data', (bytes) => {
        received.push(String(bytes))
        socket.write('ok')
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.onTestFinished(() => void server.close())
    const link = await openLink((server.address() as AddressInfo).port)
    t.onTestFinished(() => link.close())
    link.watch((bytes) =>
      bytes.includes('secret') ? 'stop here' : bytes.includes('deaf') ? 'stop the answer' : 'pass',
    )
    const [one, two, three] = [client(t, link.port), client(t, link.port), client(t, link.port)]
    one.socket.write('a secret')
    two.socket.write('deaf')
    three.socket.write('plain')
    await three.hears('ok')
    await eventually(
      () => received.length,
      (count) => count === 2,
    )
    t.expect(received.toSorted()).toEqual(['deaf', 'plain'])
    t.expect([one.heard(), two.heard()]).toEqual(['', ''])
  })
})
