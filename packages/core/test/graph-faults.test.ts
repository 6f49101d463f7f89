/**
 * Meta in trouble, on real sockets: what each fault of the way there is seen as. One test for each row of the table in
 * `docs/reliability.md`.
 */
import dns from 'node:dns'
import type http from 'node:http'
import https from 'node:https'
import { connect, type Socket } from 'node:net'
import tls from 'node:tls'
import { Worker } from 'node:worker_threads'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { eventually, freePort } from '@relais/testing'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { authority, certificates, key } from './certificates.ts'
import { clientOf, listen, sendBy, serve, serveRaw } from './graph-fixture.ts'

/** So short that a test can wait for it; where it is not reached, the default of 5 s is on. */
const SHORT = { timeoutMs: 300 }

const TAKEN = '{"messages":[{"id":"wamid.1"}]}'
const accepted = { kind: 'accepted', providerMessageId: 'wamid.1' }
const whole = (body: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`
const tooLate = { kind: 'ambiguous', detail: 'no whole answer within 300 ms' }

describe('without a connection nothing was sent:', () => {
  it('the name does not exist', async () => {
    const outcome = await sendBy(clientOf('http://graph.invalid'))
    expect(outcome).toEqual({
      kind: 'unsent',
      detail: expect.stringMatching(/^the connection failed: E(NOTFOUND|AI_AGAIN)$/),
    })
  })

  it('the name server stays silent', async () => {
    const lookup = vi.spyOn(dns, 'lookup').mockImplementation((() => undefined) as never)
    onTestFinished(() => lookup.mockRestore())
    const outcome = await sendBy(clientOf('http://graph.example', SHORT))
    expect(outcome).toEqual({ kind: 'unsent', detail: 'no connection within 300 ms' })
    expect(lookup).toHaveBeenCalledOnce()
  })

  it('no one listens', async () => {
    const outcome = await sendBy(clientOf(await freePort()))
    expect(outcome).toEqual({ kind: 'unsent', detail: 'the connection failed: ECONNREFUSED' })
  })

  it('the connection is never made', async () => {
    const outcome = await sendBy(clientOf(await fullPort(), SHORT))
    expect(outcome).toEqual({ kind: 'unsent', detail: 'no connection within 300 ms' })
  })

  it('all sockets are taken by calls that hang', async () => {
    let connections = 0
    const { port, open } = await serveRaw(() => (connections += 1))
    const client = clientOf(port, { timeoutMs: 300, maxSockets: 2 })
    const [first, ...others] = Array.from({ length: 5 }, () => sendBy(client))
    expect(await first).toEqual(tooLate)
    expect(connections).toBe(2)
    // For the last three a socket may come free at the very end of their time: then nobody knows.
    for (const outcome of await Promise.all(others)) expect(outcome.kind).toMatch(/^(unsent|ambiguous)$/)
    await allClosed(open)
  })
})

describe('without a secured connection nothing was sent:', () => {
  it.each<[string, keyof typeof certificates, string]>([
    ['the certificate is signed by nobody we know', 'selfSigned', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['it has expired', 'expired', 'CERT_HAS_EXPIRED'],
    ['it is for another host', 'wrongHost', 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ])('%s', async (_what, name, code) => {
    const { url, requests, open } = await serveTls(certificates[name])
    expect(await sendBy(clientOf(url))).toEqual({
      kind: 'unsent',
      detail: `the connection failed: ${code}`,
    })
    await allClosed(open)
    expect(requests).toHaveLength(0)
  })

  it('while a good certificate is believed', async () => {
    const { url, requests } = await serveTls(certificates.good)
    expect(await sendBy(clientOf(url))).toEqual(accepted)
    expect(requests).toHaveLength(1)
  })

  it.each<[string, (socket: Socket) => void]>([
    ['the other side does not speak TLS', (socket) => socket.end('220 smtp ready\r\n')],
    ['the connection is reset in the handshake', (s) => s.once('data', () => s.resetAndDestroy())],
    ['the connection is closed in the handshake', (socket) => socket.once('data', () => socket.end())],
  ])('%s', async (_what, onConnection) => {
    const { port, open } = await serveRaw(onConnection)
    expect(await sendBy(clientOf(`https://localhost:${port}`))).toMatchObject({ kind: 'unsent' })
    await allClosed(open)
  })

  it('the handshake stalls', async () => {
    const { port, open } = await serveRaw(() => undefined)
    const outcome = await sendBy(clientOf(`https://localhost:${port}`, SHORT))
    expect(outcome).toEqual({ kind: 'unsent', detail: 'no connection within 300 ms' })
    await allClosed(open)
  })
})

describe('with a connection, and without a whole answer, it may have arrived:', () => {
  it.each<[string, (socket: Socket) => void, string]>([
    ['reset after it', (socket) => socket.once('data', () => socket.resetAndDestroy()), 'ECONNRESET'],
    ['closed without a word', (socket) => socket.once('data', () => socket.end()), 'ECONNRESET'],
    [
      'half of the headers',
      (s) => s.once('data', () => s.end('HTTP/1.1 200 OK\r\nContent-Le')),
      'ECONNRESET',
    ],
    ['half of the body', (s) => s.once('data', () => s.end(whole(TAKEN).slice(0, -9))), 'ECONNRESET'],
    ['half of the body, then a reset', resetAfter(whole(TAKEN).slice(0, -9)), 'ECONNRESET'],
    ['no HTTP', (socket) => socket.once('data', () => socket.end('220 smtp ready\r\n')), 'not HTTP'],
    [
      'another protocol from now on (101)',
      (s) =>
        s.once('data', () =>
          s.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'),
        ),
      'ECONNRESET',
    ],
    [
      '100 Continue, which nobody asked for',
      (s) => s.once('data', () => s.write(`HTTP/1.1 100 Continue\r\n\r\n${whole(TAKEN)}`)),
      'ECONNRESET',
    ],
    [
      'headers without end',
      (s) => s.once('data', () => pour(s, 'HTTP/1.1 200 OK\r\n', `X-Pad: ${'x'.repeat(1000)}\r\n`)),
      'not HTTP',
    ],
  ])('%s', async (_what, onConnection, told) => {
    const { port, open } = await serveRaw(onConnection)
    expect(await sendBy(clientOf(port))).toEqual({
      kind: 'ambiguous',
      detail: expect.stringContaining(told),
    })
    await allClosed(open)
  })

  it.each<[string, (socket: Socket) => void]>([
    ['silence', () => undefined],
    [
      'headers, then silence',
      (s) => s.once('data', () => s.write('HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n')),
    ],
    ['a body that drips', drip('HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n', ' ')],
    ['headers that drip', drip('HTTP/1.1 200 OK\r\nX-Pad: ', 'x')],
    ['early hints without end', drip('', 'HTTP/1.1 103 Early Hints\r\n\r\n')],
  ])('%s: ends at its time limit', async (_what, onConnection) => {
    const { port, open } = await serveRaw(onConnection)
    expect(await sendBy(clientOf(port, SHORT))).toEqual(tooLate)
    await allClosed(open)
  })

  it('128 MB: reading stops at 64 KB', async () => {
    let poured = 0
    const { port, open } = await serveRaw((socket) =>
      socket.once('data', () => {
        const piece = 'x'.repeat(64 * 1024)
        pour(
          socket,
          'HTTP/1.1 200 OK\r\nContent-Length: 134217728\r\n\r\n',
          piece,
          (bytes) => (poured += bytes),
        )
      }),
    )
    expect(await sendBy(clientOf(port))).toEqual({
      kind: 'ambiguous',
      detail: 'the answer is not HTTP, or is over 65536 bytes',
    })
    await allClosed(open)
    // What is over 64 KB was on its way, in the buffers of the system.
    expect(poured).toBeLessThan(32 * 1024 * 1024)
  })

  const bomb = Buffer.alloc(16 * 1024 * 1024)
  it.each([
    ['gzip', () => gzipSync(bomb)],
    ['br', () => brotliCompressSync(bomb)],
  ])('16 MB in a few bytes of %s: unpacking stops at 64 KB', async (encoding, pack) => {
    const packed = pack()
    expect(packed.length).toBeLessThan(128 * 1024)
    const port = await serve((_, response) =>
      response.writeHead(200, { 'content-encoding': encoding }).end(packed),
    )
    expect(await sendBy(clientOf(port))).toEqual({
      kind: 'ambiguous',
      detail: 'the answer is not HTTP, or is over 65536 bytes',
    })
  })
})

it('a connection that is reset at once carried nothing, or nobody knows', async () => {
  const { port } = await serveRaw((socket) => socket.resetAndDestroy())
  // It depends on what the client hears of first, the connection or its end; the request may leave in between.
  expect(await sendBy(clientOf(port))).toMatchObject({ kind: expect.stringMatching(/^(unsent|ambiguous)$/) })
})

describe('an answer that is whole and tells nothing: it may have arrived', () => {
  it.each<[string, number, string]>([
    ['HTML', 200, '<html>Sorry</html>'],
    ['HTML', 502, '<html>Bad Gateway</html>'],
    ['HTML', 503, '<html>Service Unavailable</html>'],
    ['nothing', 204, ''],
    ['half of a JSON', 200, '{"messages":[{"id":'],
    ['JSON without an id', 200, '{"messages":[]}'],
    ['JSON without an error', 500, '{}'],
    ['deep JSON', 200, '['.repeat(32_000) + ']'.repeat(32_000)],
    ['a deep error', 500, '{"error":'.repeat(5000) + '1' + '}'.repeat(5000)],
    ['an id that is none', 200, '{"messages":[{"id":{"toString":1}}]}'],
  ])('%s with HTTP %i', async (_what, statusCode, body) => {
    const port = await serve((_, response) => response.writeHead(statusCode).end(body))
    expect(await sendBy(clientOf(port))).toMatchObject({ kind: 'ambiguous' })
  })

  it('a redirect, which is not followed', async () => {
    let followed = 0
    const elsewhere = await serve((_, response) => {
      followed += 1
      response.end(TAKEN)
    })
    const location = `http://127.0.0.1:${elsewhere}/`
    const port = await serve((_, response) => response.writeHead(307, { location }).end(TAKEN))
    expect(await sendBy(clientOf(port))).toMatchObject({ kind: 'ambiguous' })
    expect(await sendBy(clientOf(elsewhere))).toEqual(accepted)
    expect(followed).toBe(1)
  })

  it('packed, and not what it is said to be', async () => {
    const port = await serve((_, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end('not gzip'),
    )
    expect(await sendBy(clientOf(port))).toMatchObject({ kind: 'ambiguous' })
  })
})

it('an answer with early hints before it is an answer', async () => {
  const hint = 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n'
  const { port } = await serveRaw((s) => s.once('data', () => s.write(hint + whole(TAKEN))))
  expect(await sendBy(clientOf(port))).toEqual(accepted)
})

describe('a connection that was kept', () => {
  it('and was closed meanwhile is not used again', async () => {
    const connections: Socket[] = []
    const { port, open } = await serveRaw((socket) => {
      connections.push(socket)
      socket.once('data', () => socket.write(whole(TAKEN)))
    })
    const client = clientOf(port)
    expect(await sendBy(client)).toEqual(accepted)
    connections[0]?.end()
    await allClosed(open)
    expect(await sendBy(client)).toEqual(accepted)
    expect(connections).toHaveLength(2)
  })

  it.each<[string, (socket: Socket) => void]>([
    ['is reset', (socket) => socket.resetAndDestroy()],
    ['is closed', (socket) => socket.destroy()],
  ])('and %s just as we write may have carried the message: it is not sent again', async (_what, close) => {
    let connections = 0
    let idle: Socket | undefined
    const { port } = await serveRaw((socket) => {
      connections += 1
      idle = socket
      socket.once('data', () => socket.write(whole(TAKEN)))
    })
    const client = clientOf(port)
    expect(await sendBy(client)).toEqual(accepted)
    // The client looks once more at a connection that was idle, and then writes. Nothing is read between this and the writing.
    setImmediate(() => idle && close(idle))
    expect(await sendBy(client)).toEqual({
      kind: 'ambiguous',
      detail: expect.stringMatching(/^the connection failed: (ECONNRESET|EPIPE)$/),
    })
    expect(connections).toBe(1)
  })

  it.each<[string, (socket: Socket) => void]>([
    ['reset', (socket) => socket.resetAndDestroy()],
    ['closed', (socket) => socket.end()],
  ])('and is %s by the next request has carried it: nothing is sent again', async (_what, close) => {
    let requests = 0
    const { port } = await serveRaw((socket) =>
      socket.on('data', () => {
        requests += 1
        if (requests === 1) socket.write(whole(TAKEN))
        else close(socket)
      }),
    )
    const client = clientOf(port)
    expect(await sendBy(client)).toEqual(accepted)
    expect(await sendBy(client)).toEqual({
      kind: 'ambiguous',
      detail: 'the connection failed: ECONNRESET',
    })
    // What would have been sent again would have come before this.
    expect(await sendBy(client)).toMatchObject({ kind: 'ambiguous' })
    expect(requests).toBe(3)
  })
})

describe('without a free connection', () => {
  it('a call waits for one, and uses it', async () => {
    const held: http.ServerResponse[] = []
    const sockets = new Set<unknown>()
    const port = await serve((request, response) => {
      sockets.add(request.socket)
      held.push(response)
    })
    const client = clientOf(port, { maxSockets: 1 })
    const sends = Array.from({ length: 3 }, () => sendBy(client))
    for (let i = 0; i < 3; i += 1) {
      await eventually(
        () => held.length,
        (count) => count === i + 1,
        { what: 'the next request' },
      )
      held[i]?.end(TAKEN)
    }
    expect(await Promise.all(sends)).toEqual([accepted, accepted, accepted])
    expect(sockets.size).toBe(1)
  })
})

describe('a client that is closed', () => {
  const given = 'given up: this process was stopped'

  it('ends its calls where they are, and makes no more', async () => {
    let requests = 0
    const { port, open } = await serveRaw((socket) => socket.on('data', () => (requests += 1)))
    const client = clientOf(port, { maxSockets: 1 })
    const [written, waits] = [sendBy(client), sendBy(client)]
    await eventually(
      () => requests,
      (count) => count === 1,
      { what: 'a request' },
    )
    client.close()
    expect(await written).toEqual({ kind: 'ambiguous', detail: given })
    expect(await waits).toEqual({ kind: 'unsent', detail: given })
    expect(await sendBy(client)).toEqual({ kind: 'unsent', detail: given })
    await allClosed(open)
    expect(requests).toBe(1)
  })

  it('ends one that has no connection yet', async () => {
    const { port, open } = await serveRaw(() => undefined)
    const client = clientOf(`https://localhost:${port}`)
    const send = sendBy(client)
    await eventually(
      () => open.size,
      (size) => size === 1,
      { what: 'a handshake' },
    )
    client.close()
    expect(await send).toEqual({ kind: 'unsent', detail: given })
    await allClosed(open)
  })

  it('drops its idle connections', async () => {
    const { port, open } = await serveRaw((s) => s.once('data', () => s.write(whole(TAKEN))))
    const client = clientOf(port)
    expect(await sendBy(client)).toEqual(accepted)
    expect(open.size).toBe(1)
    client.close()
    await allClosed(open)
  })
})

it('a name with two addresses is reached at the one where somebody listens', async () => {
  const port = await serve((_, response) => response.end(TAKEN))
  const addresses = [
    { address: '::1', family: 6 },
    { address: '127.0.0.1', family: 4 },
  ]
  const lookup = vi
    .spyOn(dns, 'lookup')
    .mockImplementation(((_name: string, _options: object, callback: (...answer: unknown[]) => void) =>
      callback(null, addresses)) as never)
  onTestFinished(() => lookup.mockRestore())
  expect(await sendBy(clientOf(`http://graph.example:${port}`))).toEqual(accepted)
  expect(lookup).toHaveBeenCalledOnce()
})

async function allClosed(open: Set<unknown>): Promise<void> {
  await eventually(
    () => open.size,
    (size) => size === 0,
    { what: 'closed sockets' },
  )
}

/** A port whose queue of connections is full, and nobody takes one from it: to connect there takes for ever. */
async function fullPort(): Promise<number> {
  const awake = new SharedArrayBuffer(4)
  const listener = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads')
     const server = require('node:net').createServer()
     server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
       parentPort.postMessage(server.address().port)
       Atomics.wait(new Int32Array(workerData), 0, 0)
     })`,
    { eval: true, workerData: awake },
  )
  const fillers: Socket[] = []
  onTestFinished(async () => {
    for (const filler of fillers) filler.destroy()
    Atomics.notify(new Int32Array(awake), 0)
    await listener.terminate()
  })
  const port = await new Promise<number>((resolve) => listener.once('message', resolve))
  let connected = 0
  for (let i = 0; i < 8; i += 1) {
    const filler = connect(port, '127.0.0.1', () => (connected += 1))
    filler.on('error', () => undefined)
    fillers.push(filler)
  }
  // A queue of one takes two; the others wait like the call that follows them.
  await eventually(
    () => connected,
    (count) => count >= 2,
    { what: 'a full queue' },
  )
  return port
}

/** An HTTPS server for `localhost`, with an authority that this process believes as it would `NODE_EXTRA_CA_CERTS`. */
async function serveTls(cert: string) {
  const create = tls.createSecureContext
  const trusting = vi
    .spyOn(tls, 'createSecureContext')
    .mockImplementation((options) => create({ ...options, ca: authority }))
  onTestFinished(() => trusting.mockRestore())
  const requests: unknown[] = []
  const server = https.createServer({ key, cert }, (request, response) => {
    requests.push(request.url)
    response.end(TAKEN)
  })
  const open = new Set<unknown>()
  server.on('connection', (socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  onTestFinished(() => server.closeAllConnections())
  return { url: `https://localhost:${await listen(server)}`, requests, open }
}

/** Sends the first bytes, and resets when they have left. */
function resetAfter(bytes: string): (socket: Socket) => void {
  return (socket) => socket.once('data', () => socket.write(bytes, () => socket.resetAndDestroy()))
}

/** Sends the beginning, then a piece now and then, for ever. */
function drip(beginning: string, piece: string): (socket: Socket) => void {
  return (socket) => {
    socket.write(beginning)
    const timer = setInterval(() => socket.write(piece), 20)
    socket.once('close', () => clearInterval(timer))
  }
}

/** Sends the beginning, then pieces as fast as they are taken, for ever. */
function pour(socket: Socket, beginning: string, piece: string, onTaken?: (bytes: number) => void): void {
  socket.write(beginning)
  const more = () => {
    while (!socket.destroyed && socket.write(piece)) onTaken?.(piece.length)
    onTaken?.(piece.length)
  }
  socket.on('drain', more)
  more()
}
