import { createHmac } from 'node:crypto'
import http from 'node:http'
import net, { type AddressInfo, type Socket } from 'node:net'
import { createGraphClient, Secret } from '@relais/core'
import { freePort } from '@relais/testing'
import { describe, expect, it, onTestFinished } from 'vitest'

const message = { id: 'msg_1', to: '+221771234567', template: 'otp_login', language: 'fr' }
const content = { type: 'otp', code: '482913' } as const
const token = new Secret('EAAtoken')

function clientOf(port: number, timeoutMs = 5000) {
  const client = createGraphClient({
    baseUrl: `http://127.0.0.1:${port}`,
    apiVersion: 'v26.0',
    timeoutMs,
    maxSockets: 10,
  })
  onTestFinished(() => client.close())
  return client
}

/** A server that does with each connection what the test says. */
async function serve(onRequest: http.RequestListener): Promise<number> {
  const server = http.createServer(onRequest)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

async function serveRaw(onConnection: (socket: Socket) => void): Promise<number> {
  const open = new Set<Socket>()
  const server = net.createServer((socket) => {
    open.add(socket)
    socket.on('error', () => undefined)
    onConnection(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

const send = (port: number, timeoutMs?: number) =>
  clientOf(port, timeoutMs).send('106540352242922', { accessToken: token }, message, content)

describe('a send', () => {
  it('goes to the phone number with the token in the header only', async () => {
    let seen: { url?: string | undefined; headers: http.IncomingHttpHeaders; body: string } | undefined
    const port = await serve((request, response) => {
      let body = ''
      request.on('data', (chunk: Buffer) => (body += chunk.toString()))
      request.on('end', () => {
        seen = { url: request.url, headers: request.headers, body }
        response.end('{"messages":[{"id":"wamid.1"}]}')
      })
    })
    expect(await send(port)).toEqual({ kind: 'accepted', providerMessageId: 'wamid.1' })
    expect(seen?.url).toBe('/v26.0/106540352242922/messages')
    expect(seen?.headers.authorization).toBe('Bearer EAAtoken')
    expect(seen?.headers['content-type']).toBe('application/json')
    expect(JSON.parse(seen?.body ?? '')).toMatchObject({
      to: '+221771234567',
      biz_opaque_callback_data: 'msg_1',
    })
  })

  it('that no one listens to certainly did not arrive', async () => {
    const outcome = await send(await freePort())
    expect(outcome).toMatchObject({ kind: 'failed', failure: 'transient' })
  })

  it('to a name that does not exist certainly did not arrive', async () => {
    const client = createGraphClient({
      baseUrl: 'http://graph.invalid',
      apiVersion: 'v26.0',
      timeoutMs: 5000,
      maxSockets: 1,
    })
    const outcome = await client.send('106540352242922', { accessToken: token }, message, content)
    expect(outcome).toMatchObject({ kind: 'failed', failure: 'transient' })
  })

  it.each<[string, (socket: Socket) => void]>([
    ['whose connection is reset', (socket) => socket.once('data', () => socket.resetAndDestroy())],
    ['whose connection is closed', (socket) => socket.once('data', () => socket.end())],
    [
      'whose answer is cut short',
      (s) => s.once('data', () => s.end('HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"mess')),
    ],
    ['whose answer is not HTTP', (socket) => socket.once('data', () => socket.end('220 smtp ready\r\n'))],
  ])('%s may have arrived', async (_what, onConnection) => {
    const port = await serveRaw(onConnection)
    expect(await send(port)).toMatchObject({ kind: 'ambiguous' })
  })

  it.each<[string, http.RequestListener]>([
    ['an HTML page', (_, response) => response.writeHead(502).end('<html>Bad Gateway</html>')],
    ['half of a JSON', (_, response) => response.end('{"messages":[{"id":')],
    ['200 without an id', (_, response) => response.end('{"messages":[]}')],
    ['a redirect', (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()],
    ['more than it may hold', (_, response) => response.end(`{"pad":"${'x'.repeat(300_000)}"}`)],
    [
      'a compressed bomb',
      (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('not gzip'),
    ],
  ])('answered with %s may have arrived', async (_what, onRequest) => {
    const port = await serve(onRequest)
    expect(await send(port)).toMatchObject({ kind: 'ambiguous' })
  })

  it.each<[string, (socket: Socket) => void]>([
    ['that stays silent', () => undefined],
    [
      'that drips, a byte now and then',
      (socket) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n')
        const drip = setInterval(() => socket.write('x'), 50)
        socket.once('close', () => clearInterval(drip))
      },
    ],
  ])('to a server %s ends at its time limit, outcome unknown', async (_what, onConnection) => {
    const port = await serveRaw(onConnection)
    expect(await send(port, 300)).toEqual({ kind: 'ambiguous', detail: 'no whole answer within 300 ms' })
  })

  it("is classified by Meta's code", async () => {
    const error = {
      message: '(#131030) Recipient phone number not in allowed list',
      code: 131030,
      fbtrace_id: 'Az8',
    }
    const port = await serve((_, response) => response.writeHead(400).end(JSON.stringify({ error })))
    expect(await send(port)).toEqual({
      kind: 'failed',
      failure: 'permanent-recipient',
      detail:
        '131030 Recipient phone number not in allowed list. ' +
        'The number is a test number, and the recipient is not in its list. ' +
        'Add the recipient to the list of the test number, or use a real number.',
      graphCode: 131030,
      fbtraceId: 'Az8',
    })
  })

  it('whose answer repeats the code or the token is told without them', async () => {
    const error = {
      message: 'EAAtoken is bad',
      code: 131009,
      error_data: { details: 'Parameter value 482913 is not valid' },
    }
    const port = await serve((_, response) => response.writeHead(400).end(JSON.stringify({ error })))
    const outcome = await send(port)
    expect(outcome).toMatchObject({
      detail: expect.stringMatching(
        /^131009 Parameter value is not valid: Parameter value \[secret\] is not valid\. A value/,
      ),
    })
    expect(JSON.stringify(outcome)).not.toMatch(/482913|EAAtoken/)
  })

  it('keeps its connection for the next one', async () => {
    const sockets = new Set<unknown>()
    const port = await serve((request, response) => {
      sockets.add(request.socket)
      response.end('{"messages":[{"id":"wamid.1"}]}')
    })
    const client = clientOf(port)
    for (let i = 0; i < 5; i += 1)
      await client.send('106540352242922', { accessToken: token }, message, content)
    expect(sockets.size).toBe(1)
  })
})

describe('a call signed with the app secret', () => {
  const bearer = { accessToken: token, appSecret: new Secret('the app secret') }
  const proof = createHmac('sha256', 'the app secret').update('EAAtoken').digest('hex')

  async function queryOf(
    call: (client: ReturnType<typeof createGraphClient>) => Promise<unknown>,
    appSecretProof = true,
  ): Promise<URLSearchParams> {
    let query = new URLSearchParams()
    const port = await serve((request, response) => {
      query = new URL(request.url ?? '', 'http://x').searchParams
      response.end('{}')
    })
    const baseUrl = `http://127.0.0.1:${port}`
    const options = { baseUrl, apiVersion: 'v26.0', timeoutMs: 5000, maxSockets: 1, appSecretProof }
    await call(createGraphClient(options))
    return query
  }

  it('carries the proof for its token, and the token itself in the header only', async () => {
    const sent = await queryOf((client) => client.send('106540352242922', bearer, message, content))
    expect([...sent]).toEqual([['appsecret_proof', proof]])
    const read = await queryOf((client) => client.phoneNumber('106540352242922', bearer))
    expect(read.get('appsecret_proof')).toBe(proof)
  })

  it('is asked about another token with the proof for the token of the app', async () => {
    const app = { appId: '138', appSecret: bearer.appSecret }
    const asked = await queryOf((client) => client.inspect(app, token))
    const appToken = '138|the app secret'
    expect(asked.get('appsecret_proof')).toBe(
      createHmac('sha256', 'the app secret').update(appToken).digest('hex'),
    )
  })

  it('carries none unless that is switched on', async () => {
    const sent = await queryOf((client) => client.send('106540352242922', bearer, message, content), false)
    expect([...sent]).toEqual([])
  })
})

describe('an exchange', () => {
  const app = { appId: '138483919580948', appSecret: new Secret('the app secret') }

  it('gives the new token as a secret, with its life if Meta says it', async () => {
    const port = await serve((request, response) => {
      const { searchParams } = new URL(request.url ?? '', 'http://x')
      expect(searchParams.get('fb_exchange_token')).toBe('EAAtoken')
      response.end('{"access_token":"EAAnew","token_type":"bearer","expires_in":5183944}')
    })
    const answer = await clientOf(port).exchange(app, token, { forSystemUser: true })
    expect(answer).toMatchObject({ kind: 'exchanged', expiresInSeconds: 5_183_944 })
    expect(JSON.stringify(answer)).not.toContain('EAAnew')
  })

  it('that fails tells neither token nor secret, even if Meta repeats them', async () => {
    const port = await serve((_, response) =>
      response.writeHead(400).end('{"error":{"message":"EAAtoken with the app secret is bad","code":190}}'),
    )
    const answer = await clientOf(port).exchange(app, token, { forSystemUser: true })
    expect(answer).toMatchObject({ kind: 'refused', error: { message: '[secret] with [secret] is bad' } })
  })

  it('that finds no one tells no URL', async () => {
    const answer = await clientOf(await freePort()).exchange(app, token, { forSystemUser: true })
    expect(answer).toEqual({ kind: 'unreachable', detail: 'the connection failed: ECONNREFUSED' })
  })
})
