/** Where a post goes, and where it must not, over real sockets. */
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { randomBytes } from 'node:crypto'
import { createPostCallback, Secret, type Address } from '@relais/core'
import { startReceiver } from '@relais/testing'
import { describe, expect, it, onTestFinished } from 'vitest'

const secret = new Secret(`whsec_${randomBytes(32).toString('base64')}`)
const event = { id: 'msg_1.1', body: '{"type":"message.sent"}', at: Date.now() }

function poster(options: Partial<Parameters<typeof createPostCallback>[0]> = {}) {
  const made = createPostCallback({ isPrivateAllowed: false, withinMs: 400, ...options })
  onTestFinished(() => made.close())
  return (url: string) => made.post({ url: new Secret(url), secrets: [secret] }, event)
}

async function receiver() {
  const made = await startReceiver()
  onTestFinished(() => made.close())
  return { ...made, port: new URL(made.url).port }
}

/** Answers one address after the other, the last from then on. */
function resolver(...answers: Address[][]) {
  const asked: string[] = []
  return {
    asked,
    resolve: async (hostname: string) => {
      asked.push(hostname)
      return answers[Math.min(asked.length, answers.length) - 1] ?? []
    },
  }
}

const loopback = { address: '127.0.0.1', family: 4 }
/** Public, and nothing answers there within the time of a test. */
const elsewhere = { address: '192.0.3.1', family: 4 }
const refused = { kind: 'unreachable', fault: 'its address is inside a network' }

describe('a post', () => {
  it('goes to the address that was looked at, signed', async () => {
    const { port, received } = await receiver()
    const { resolve, asked } = resolver([loopback])
    const post = poster({ isPrivateAllowed: true, resolve })
    expect(await post(`http://wallet.test:${port}/hook?key=1`)).toEqual({ kind: 'taken', statusCode: 204 })
    expect(asked).toEqual(['wallet.test'])
    const [first] = received()
    expect(first).toMatchObject({ body: event.body, path: '/hook?key=1' })
    expect(first?.headers).toMatchObject({ host: `wallet.test:${port}`, 'webhook-id': event.id })
    expect(first?.headers['webhook-signature']).toMatch(/^v1,[\w+/]{43}=$/)
  })

  it.each([
    ['a name of this machine', [loopback]],
    ['a name of the metadata of a cloud', [{ address: '169.254.169.254', family: 4 }]],
    ['a name of IPv6 loopback', [{ address: '::1', family: 6 }]],
    ['a name of a mapped address', [{ address: '::ffff:127.0.0.1', family: 6 }]],
    ['a name that is public and private at once', [elsewhere, loopback]],
  ])('does not go to %s', async (_what, addresses) => {
    const { port, received } = await receiver()
    const post = poster({ resolve: resolver(addresses).resolve })
    expect(await post(`http://wallet.test:${port}/`)).toEqual(refused)
    expect(received()).toEqual([])
  })

  it.each(['127.0.0.1', '0x7f.1', '2130706433', '[::1]', '[::ffff:7f00:1]', '0.0.0.0'])(
    'does not go to %s',
    async (host) => {
      const { port, received } = await receiver()
      expect(await poster()(`http://${host}:${port}/`)).toEqual(refused)
      expect(received()).toEqual([])
    },
  )

  it('does not go to localhost, as the system resolves it', async () => {
    const { port, received } = await receiver()
    expect(await poster()(`http://localhost:${port}/`)).toEqual(refused)
    expect(received()).toEqual([])
  })

  it('does not follow a name that is public when it is looked at and private right after', async () => {
    const { port, received } = await receiver()
    const { resolve, asked } = resolver([elsewhere], [loopback])
    const post = poster({ resolve })
    // Whether that address refuses or is silent depends on the network; what matters is that it is the only one that is tried.
    const first = await post(`http://wallet.test:${port}/`)
    expect(first).toMatchObject({ kind: 'unreachable' })
    expect(asked).toHaveLength(1)
    expect(await post(`http://wallet.test:${port}/`)).toEqual(refused)
    expect(received()).toEqual([])
  })

  it('does not follow redirects', async () => {
    const { port, received, url, answer } = await receiver()
    const other = await receiver()
    answer(307, { location: other.url })
    const post = poster({ isPrivateAllowed: true })
    expect(await post(`http://127.0.0.1:${port}/`)).toEqual({ kind: 'refused', statusCode: 307 })
    answer(301, { location: `${url}/elsewhere` })
    expect(await post(url)).toEqual({ kind: 'refused', statusCode: 301 })
    expect([received().length, other.received().length]).toEqual([2, 0])
  })

  it.each([
    [200, 'taken'],
    [204, 'taken'],
    [410, 'gone'],
    [400, 'refused'],
    [500, 'refused'],
  ])('that is answered with %i is %s', async (statusCode, kind) => {
    const { url, answer } = await receiver()
    answer(statusCode)
    expect(await poster({ isPrivateAllowed: true })(url)).toEqual({ kind, statusCode })
  })

  it('is over when the time is, and says nothing of where it went', async () => {
    const { url, answer } = await receiver()
    answer('hangs')
    const post = poster({ isPrivateAllowed: true })
    expect(await post(url)).toEqual({ kind: 'unreachable', fault: 'no answer within 0.4 s' })
    const closed = await receiver()
    await closed.close()
    expect(await post(closed.url)).toEqual({ kind: 'unreachable', fault: 'ECONNREFUSED' })
  })

  it('is over although the name is never resolved', async () => {
    const post = poster({ resolve: () => new Promise(() => undefined) })
    expect(await post('http://wallet.test/')).toEqual({
      kind: 'unreachable',
      fault: 'no answer within 0.4 s',
    })
  })

  it('does not wait for an answer without end', async () => {
    const endless = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n')
      const more = setInterval(() => socket.write('x'.repeat(1024)), 5)
      socket.on('close', () => clearInterval(more))
    })
    await new Promise<void>((resolve) => endless.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void endless.close())
    const { port } = endless.address() as AddressInfo
    const post = poster({ isPrivateAllowed: true })
    expect(await post(`http://127.0.0.1:${port}/`)).toEqual({ kind: 'taken', statusCode: 200 })
    // It is cut off: the server would not close otherwise.
    await new Promise((resolve) => endless.close(resolve))
  })
})
