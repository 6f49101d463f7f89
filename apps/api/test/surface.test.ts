/** What comes over the wire before it is a request: seen from a socket. */
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { gzipSync } from 'node:zlib'
import { eventually } from '@relais/testing'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { apiFixture, APP_KEY, OPS_KEY } from './api-fixture.ts'

const QUICK = { requestMs: 300, checkEveryMs: 50 }
const { inject, listen } = apiFixture({}, QUICK)
let port = 0
beforeAll(async () => {
  port = await listen()
})

/** Sends these bytes and gives all that comes back until the other side closes. */
async function exchange(...parts: (string | Buffer)[]): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  for (const part of parts) socket.write(part)
  return closing(socket)
}

function closing(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let received = ''
    socket.setEncoding('latin1').on('data', (chunk: string) => (received += chunk))
    socket.on('error', () => undefined).on('close', () => resolve(received))
  })
}

/** Status and body of each answer in what came back; every one of them must be a whole problem. */
function problemsIn(received: string) {
  return received
    .split(/(?=HTTP\/1\.1 \d{3} )/)
    .filter((answer) => answer !== '')
    .map((answer) => {
      const [head = '', body = ''] = answer.split('\r\n\r\n')
      expect(head.toLowerCase()).toContain('content-type: application/problem+json')
      expect(head.toLowerCase()).toContain('x-content-type-options: nosniff')
      expect(head.toLowerCase()).toContain("frame-ancestors 'none'")
      const problem = JSON.parse(body) as { status: number; code: string }
      expect(head).toContain(`HTTP/1.1 ${problem.status} `)
      return problem
    })
}

const CLOSE = 'Connection: close\r\n'
const HOST = 'Host: relais\r\n'
const KEY = `Authorization: Bearer ${APP_KEY}\r\n`
const LOGIN = `Authorization: Basic ${Buffer.from(`awa:${OPS_KEY}`).toString('base64')}\r\n`
const JSON_TYPE = 'Content-Type: application/json\r\n'

describe('a request that is not worth an answer gets a problem, and its connection is closed', () => {
  it.each<[string, string | Buffer, number, string?]>([
    ['too many bytes of headers', `GET /livez HTTP/1.1\r\n${HOST}X: ${'x'.repeat(17_000)}\r\n\r\n`, 431],
    ['too many headers', `GET /livez HTTP/1.1\r\n${HOST}${CLOSE}${'X: 1\r\n'.repeat(200)}\r\n`, 431],
    ['a URL that is too long', `GET /${'x'.repeat(8001)} HTTP/1.1\r\n${HOST}${CLOSE}\r\n`, 414],
    ['a URL that is longer than all headers may be', `GET /${'x'.repeat(20_000)} HTTP/1.1\r\n`, 431],
    ['no Host', `GET /livez HTTP/1.1\r\n${CLOSE}\r\n`, 400],
    ['an odd Expect', `GET /livez HTTP/1.1\r\n${HOST}Expect: miracles\r\n\r\n`, 417],
    ['no HTTP', 'hello\r\n\r\n', 400],
    ['a NUL in the URL', 'GET /\0 HTTP/1.1\r\n\r\n', 400],
    ['a NUL in a header', `GET /livez HTTP/1.1\r\n${HOST}X: a\0b\r\n\r\n`, 400],
    ['a NUL in the name of a header', `GET /livez HTTP/1.1\r\n${HOST}X\0: a\r\n\r\n`, 400],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['a bad escape in the URL', `GET /%zz HTTP/1.1\r\n${HOST}${CLOSE}\r\n`, 400],
    ['another host in the URL', `GET http://elsewhere/api/messages HTTP/1.1\r\n${HOST}${CLOSE}\r\n`, 404],
    [
      "a path out of the board's files",
      `GET /admin/queues/static/%2e%2e/index.ejs HTTP/1.1\r\n${HOST}${CLOSE}${LOGIN}\r\n`,
      400,
    ],
    ['TRACE', `TRACE /livez HTTP/1.1\r\n${HOST}${CLOSE}\r\n`, 404, 'not_found'],
    ['a method that is not HTTP', `BREW /livez HTTP/1.1\r\n${HOST}\r\n`, 400],
    [
      'OPTIONS, of another origin',
      `OPTIONS /api/messages HTTP/1.1\r\n${HOST}${CLOSE}Origin: https://x\r\n\r\n`,
      404,
    ],
    ['OPTIONS *', `OPTIONS * HTTP/1.1\r\n${HOST}${CLOSE}\r\n`, 404],
    [
      'both a length and chunks',
      `POST /api/messages HTTP/1.1\r\n${HOST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
    ],
    [
      'two lengths',
      `POST /api/messages HTTP/1.1\r\n${HOST}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`,
      400,
    ],
    ['an odd length', `POST /api/messages HTTP/1.1\r\n${HOST}Content-Length: +5\r\n\r\nhello`, 400],
    [
      'chunks under another name',
      `POST /api/messages HTTP/1.1\r\n${HOST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
      400,
    ],
    [
      'chunks by half',
      `POST /api/messages HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
      400,
    ],
    [
      'a chunk that is not as long as it says',
      `POST /api/messages HTTP/1.1\r\n${HOST}${KEY}${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n2\r\n{}}\r\n0\r\n\r\n`,
      400,
    ],
    ['a line that ends early', `GET /livez HTTP/1.1\nHost: relais\n\n`, 400],
    ['a header over two lines', `GET /livez HTTP/1.1\r\n${HOST}X: a\r\n b\r\n\r\n`, 400],
    ['a space before the colon', `GET /livez HTTP/1.1\r\n${HOST}Content-Length : 0\r\n\r\n`, 400],
  ])('%s', async (_what, bytes, statusCode, code = statusCode === 404 ? 'not_found' : 'bad_request') => {
    const received = await exchange(bytes)
    expect(problemsIn(received)).toMatchObject([{ status: statusCode, code }])
    expect(received.toLowerCase()).toContain('connection: close')
    // No CORS: nothing that another origin may do or read.
    expect(received.toLowerCase()).not.toContain('access-control-')
  })

  it('a second request in the body of the first is not answered', async () => {
    const hidden = 'GET /livez HTTP/1.1\r\nHost: relais\r\n\r\n'
    const received = await exchange(
      `POST /api/nothing HTTP/1.1\r\n${HOST}${CLOSE}Content-Length: ${hidden.length}\r\n\r\n${hidden}`,
    )
    expect(problemsIn(received)).toMatchObject([{ status: 404 }])
  })

  it('a wish for another protocol is not heard, and ends the connection', async () => {
    const wish = 'Connection: upgrade\r\nUpgrade: h2c\r\n'
    const received = await exchange(`GET /livez HTTP/1.1\r\n${HOST}${wish}Content-Length: 2\r\n\r\n{}`)
    expect(received).toContain('HTTP/1.1 200 OK')
    expect(received.toLowerCase()).toContain('connection: close')
  })

  it('TLS on a port that has none', async () => {
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
    onTestFinished(() => void socket.destroy())
    await closing(socket)
    expect((await inject('/livez')).statusCode).toBe(200)
  })
})

describe('a body that is not taken', () => {
  const tooLarge = 'x'.repeat(300_000)
  const wrongType = `POST /api/messages HTTP/1.1\r\n${HOST}${KEY}Content-Type: text/plain\r\n`
  const json = `POST /api/messages HTTP/1.1\r\n${HOST}${KEY}${JSON_TYPE}`
  const chunked = `Transfer-Encoding: chunked\r\n\r\n${tooLarge.length.toString(16)}\r\n${tooLarge}\r\n0\r\n\r\n`

  it.each([
    ['too large', `${json}Content-Length: ${tooLarge.length}\r\n\r\n${tooLarge}`, 413],
    ['too large, in chunks', json + chunked, 413],
    ['of another type', `${wrongType}Content-Length: ${tooLarge.length}\r\n\r\n${tooLarge}`, 415],
    ['of another type, in chunks', wrongType + chunked, 415],
    ['for nothing', `POST /x HTTP/1.1\r\n${HOST}Content-Length: ${tooLarge.length}\r\n\r\n${tooLarge}`, 404],
  ])(
    '%s, is read and forgotten, so that the answer arrives, and so does the next',
    async (_what, bytes, statusCode) => {
      const received = await exchange(bytes, `GET /nothing HTTP/1.1\r\n${HOST}${CLOSE}\r\n`)
      expect(problemsIn(received)).toMatchObject([{ status: statusCode }, { status: 404 }])
    },
  )

  it('is not waited for after headers that are too large: the answer arrives all the same', async () => {
    const received = await exchange(`${json}X: ${tooLarge}\r\n\r\n${tooLarge}`)
    expect(problemsIn(received)).toMatchObject([{ status: 431 }])
  })
})

describe('a slow request is ended, and holds up nobody', () => {
  /** Sends what there is, and then something now and then, until the other side has had enough. */
  async function trickle(start: string, drop: string): Promise<string> {
    const socket = connect(port, '127.0.0.1')
    socket.write(start)
    const timer = setInterval(() => socket.write(drop), 20)
    onTestFinished(() => {
      clearInterval(timer)
      socket.destroy()
    })
    return closing(socket)
  }

  it.each<[string, string, string, number?]>([
    ['nothing at all', '', ''],
    ['headers', `GET /livez HTTP/1.1\r\n${HOST}`, 'X: 1\r\n'],
    ['one endless header', `GET /livez HTTP/1.1\r\n${HOST}X: `, 'x'],
    ['a body', `POST /api/messages HTTP/1.1\r\n${HOST}${KEY}${JSON_TYPE}Content-Length: 60000\r\n\r\n`, ' '],
    [
      'chunks',
      `POST /api/messages HTTP/1.1\r\n${HOST}${KEY}${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n`,
      '1\r\n \r\n',
    ],
    ['a body for nothing', `POST /api/nothing HTTP/1.1\r\n${HOST}Content-Length: 60000\r\n\r\n`, ' ', 404],
  ])('%s', async (_what, start, drop, statusCode = 408) => {
    expect(problemsIn(await trickle(start, drop))).toMatchObject([{ status: statusCode }])
    expect((await inject('/livez')).statusCode).toBe(200)
  })
})

describe('a body', () => {
  const post = (body: string | Buffer, headers: Record<string, string> = {}, url = '/api/messages') =>
    inject({
      method: 'POST',
      url,
      headers: { authorization: `Bearer ${APP_KEY}`, 'content-type': 'application/json', ...headers },
      payload: body,
    })
  const message = JSON.stringify({ to: '+221771234567', type: 'text', text: 'hello' })

  it.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"'])(
    'may come as %s',
    // It is read: there is something wrong with what it says.
    async (type) => expect((await post('{}', { 'content-type': type })).statusCode).toBe(422),
  )

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonx',
    'application/json/',
    'application/json, text/plain',
    'application/vnd.api+json',
    '',
    ' ',
  ])('may not come as %j', async (type) => {
    const answer = await post(message, { 'content-type': type })
    expect(answer.json()).toMatchObject({ status: 415, code: 'unsupported_media_type' })
  })

  it.each(['gzip', 'br', 'deflate', 'x', 'gzip, identity'])('may not be packed: %s', async (coding) => {
    const answer = await post(gzipSync(message), { 'content-encoding': coding })
    expect(answer.json()).toMatchObject({ status: 415 })
  })

  it.each([
    ['/api/messages', APP_KEY],
    ['/api/messages/batch', APP_KEY],
    ['/api/messages/msg_1/used', APP_KEY],
    ['/api/wallet/update-whatsapp-token', OPS_KEY],
    ['/api/wallet/refresh-whatsapp-token', OPS_KEY],
  ])('is read strictly at %s, and never repeated in the answer', async (url, key) => {
    const headers = { authorization: `Bearer ${key}` }
    for (const [body, what] of [
      ['{"code":"482913","code":"482913"}', 'twice'],
      ['{"__proto__":{"482913":1}}', 'not allowed'],
      [`${'['.repeat(40)}482913`, 'nested'],
      [Buffer.from([0x22, 0xff, 0x22]), 'UTF-8'],
      ['{"code":482913x}', 'character'],
    ] as const) {
      const answer = await post(body, headers, url)
      expect(answer.json()).toMatchObject({ status: 400, code: 'malformed_json' })
      expect(answer.json<{ detail: string }>().detail).toContain(what)
      expect(answer.body).not.toContain('482913')
    }
  })

  it('that is full of faults is told of the first twenty', async () => {
    const faults = JSON.stringify({ messages: [{ type: 'template', parameters: Array(240_000).fill('') }] })
    const answer = await eventually(
      () => post(faults, {}, '/api/messages/batch'),
      ({ statusCode }) => statusCode !== 503,
    )
    expect(answer.statusCode).toBe(202)
    expect(answer.json<{ results: { errors: [] }[] }>().results[0]?.errors).toHaveLength(20)
  })
})

describe('every answer', () => {
  it.each([
    '/livez',
    '/openapi.json',
    '/api/messages/msg_1',
    '/nothing',
    '/%zz',
    '/docs',
    '/docs/static/swagger-ui.css',
    '/admin/queues',
    '/api/webhooks/whatsapp?hub.mode=x',
  ])('of %s tells browsers to be careful', async (url) => {
    const { headers } = await inject(url)
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
    })
    const policy = String(headers['content-security-policy'])
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toMatch(/unsafe-(inline|eval)/)
    for (const telling of [
      'x-powered-by',
      'server',
      'access-control-allow-origin',
      'strict-transport-security',
    ]) {
      expect(headers).not.toHaveProperty(telling)
    }
    if (!url.startsWith('/docs/')) expect(headers['cache-control']).toBe('no-store')
  })
})

describe('a proxy in front', () => {
  const forwarded = { 'x-forwarded-proto': 'https', 'x-forwarded-for': '203.0.113.7' }
  const ask = (fixture: Pick<ReturnType<typeof apiFixture>, 'inject'>, remoteAddress: string) =>
    fixture.inject({ url: '/livez', headers: forwarded, remoteAddress })
  const behind = apiFixture({ TRUSTED_PROXIES: '10.0.0.0/8,::1' })

  it('is not believed unless it is named', async () => {
    expect((await ask({ inject }, '127.0.0.1')).headers).not.toHaveProperty('strict-transport-security')
    expect((await ask(behind, '192.0.2.1')).headers).not.toHaveProperty('strict-transport-security')
  })

  it('that is named may say that the request came over TLS', async () => {
    for (const address of ['10.1.2.3', '::ffff:10.1.2.3', '::1']) {
      expect((await ask(behind, address)).headers['strict-transport-security']).toBe(
        'max-age=31536000; includeSubDomains',
      )
    }
  })
})
