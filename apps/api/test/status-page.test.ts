/** What operators see at `/admin`, over HTTP and without a script; and the stream that keeps it up to date. */
import http from 'node:http'
import { createTallies, createPresence } from '@relais/core'
import { eventually } from '@relais/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { apiFixture, APP_KEY, OPS_KEY } from './api-fixture.ts'

const { inject, inside, keys, listen, logged } = apiFixture({
  WHATSAPP_PHONE_NUMBER_ID: '1',
  WHATSAPP_API_BASE_URL: 'http://127.0.0.1:1',
})

const authorization = `Basic ${Buffer.from(`awa:${OPS_KEY}`).toString('base64')}`
const look = (url = '/admin') => inject({ url, headers: { authorization } })
const submit = (url: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
  inject({
    method: 'POST',
    url,
    headers: {
      authorization,
      'sec-fetch-site': 'same-origin',
      'content-type': 'application/x-www-form-urlencoded',
      ...headers,
    },
    payload: new URLSearchParams(fields).toString(),
  })

describe('the status page', () => {
  it('says in words what is wrong and what to do, under a strict policy', async () => {
    const answer = await look()
    expect(answer.statusCode).toBe(200)
    expect(answer.headers['content-type']).toBe('text/html; charset=utf-8')
    const policy = String(answer.headers['content-security-policy'])
    expect(policy).toContain("script-src 'self';")
    expect(policy).toContain("form-action 'self'")
    expect(policy).not.toContain('unsafe')
    expect(answer.body).not.toMatch(/<script>|<style|style="|onclick=/)
    expect(answer.body).toContain('There is no access token')
    expect(answer.body).toContain('No worker is alive')
    expect(answer.body).toContain('relais tokens update')
    expect(answer.body).toMatch(/data-mood="bad">\s*fallback/)
  })

  it('needs the name and key of an operator', async () => {
    expect((await inject('/admin')).statusCode).toBe(401)
    expect((await inject('/admin')).headers['www-authenticate']).toContain('Basic')
    const app = `Basic ${Buffer.from(`wallet:${APP_KEY}`).toString('base64')}`
    expect((await inject({ url: '/admin', headers: { authorization: app } })).statusCode).toBe(403)
  })

  it('has its files without a login, each with its type', async () => {
    const files = [...(await look()).body.matchAll(/(?:href|src)="(\/admin\/assets\/[^"]+)"/g)].map(
      ([, url]) => url ?? '',
    )
    expect(files.length).toBeGreaterThan(4)
    for (const url of files) {
      const answer = await inject(url)
      expect([url, answer.statusCode]).toEqual([url, 200])
      expect(answer.headers['content-type']).toMatch(
        /^(text\/(css|javascript); charset=utf-8|image\/svg\+xml)$/,
      )
    }
  })

  it('counts what happened within the hour, and names reasons and errors with their remedies', async () => {
    const { redis } = inside()
    const tallies = createTallies({ redis, keys })
    tallies.add('accepted', 12)
    tallies.add('fallback:recipient_unreachable', 3)
    tallies.add('error:131026', 3)
    tallies.add('error:ambiguous', 1)
    tallies.add('error:99999', 1)
    await tallies.flush()
    const { body } = await look()
    expect(body).toContain('accepted: 12 within the hour')
    expect(body).toContain('there is no WhatsApp on it')
    expect(body).toContain('Message Undeliverable')
    expect(body).toContain('No readable answer')
    expect(body).toContain('Unknown error')
  })

  it('shows processes, and which of them is silent', async () => {
    const { redis } = inside()
    const worker = createPresence({ redis, keys, facts: () => ({ name: 'worker', version: '9.9.9' }) })
    await worker.beat()
    onTestFinished(() => worker.close())
    const { body } = await look()
    expect(body).toContain('version 9.9.9')
    expect(body).not.toContain('No worker is alive')
    expect(body).toMatch(/process \d+/)
  })

  it('shows nothing as markup that is not ours', async () => {
    const { redis } = inside()
    await redis.hset(
      keys.pauses('1'),
      'template <img src=x> fr',
      JSON.stringify({
        reason: 'template_rejected',
        detail: '<script>x</script>',
        since: 1,
        probeAt: '2',
        probes: 0,
      }),
    )
    onTestFinished(async () => void (await redis.del(keys.pauses('1'))))
    // A pause whose last probe is long past is forgotten at the next look.
    await redis.hset(
      keys.pauses('1'),
      'sender',
      JSON.stringify({
        reason: 'sender_blocked',
        detail: '<script>x</script>',
        since: Date.now(),
        probeAt: String(Date.now() + 60_000),
        probes: 0,
      }),
    )
    const { body } = await look()
    expect(body).toContain('&lt;script&gt;x&lt;/script&gt;')
    expect(body).not.toContain('<script>x')
  })
})

describe('the token, on the page', () => {
  it('a renewal that is not set up says so on the page', async () => {
    const answer = await submit('/admin/token/renew', {})
    expect(answer.statusCode).toBe(409)
    expect(answer.headers['content-type']).toBe('text/html; charset=utf-8')
    expect(answer.body).toContain('Renewal needs WHATSAPP_APP_ID and WHATSAPP_APP_SECRET.')
  })

  it.for([
    [{ accessToken: 'EAA with spaces' }, 422],
    [{ accessToken: '' }, 422],
    [{}, 422],
    [{ accessToken: 'EAAgoodlooking', appSecret: 'x' }, 422],
    [{ accessToken: 'EAAgoodlooking' }, 502],
  ] as const)('a token like %o is answered with %i, and never repeated', async ([fields, statusCode]) => {
    const answer = await submit('/admin/token', fields)
    expect(answer.statusCode).toBe(statusCode)
    expect(answer.body).not.toContain('EAA')
    expect(logged()).not.toContain('EAAgood')
  })

  it.for([
    ['another site', { 'sec-fetch-site': 'cross-site' }, 403],
    ['nobody knows where', { 'sec-fetch-site': '' }, 403],
    ['another kind of body', { 'content-type': 'text/plain' }, 415],
  ] as const)('nothing is taken from %s', async ([, headers, statusCode]) => {
    expect((await submit('/admin/token', { accessToken: 'EAAgoodlooking' }, headers)).statusCode).toBe(
      statusCode,
    )
  })

  it('what was done is said once the page is loaded anew; nothing else can be put there', async () => {
    expect((await look('/admin?said=renewed')).body).toContain('The token was renewed.')
    expect((await look('/admin?said=<b>')).body).not.toContain('class="said"')
    expect((await look('/admin?said=toString')).body).not.toContain('class="said"')
    expect((await look('/admin?said=a&said=b')).statusCode).toBe(200)
  })
})

describe('the same as data', () => {
  it('has what is wrong, the worst first', async () => {
    const answer = await inject({
      url: '/api/admin/overview',
      headers: { authorization: `Bearer ${OPS_KEY}` },
    })
    const { mode, findings } = answer.json<{ mode: string; findings: { id: string; severity: string }[] }>()
    expect(mode).toBe('fallback')
    expect(findings.map(({ id }) => id)).toContain('token_missing')
    expect(findings[0]?.severity).toBe('critical')
  })
})

let listening: Promise<number> | undefined
const openPort = () => (listening ??= listen())

describe('the stream', () => {
  it('sends the parts that have changed, and ends with the process', async () => {
    const port = await openPort()
    const stream = await openStream(port)
    await eventually(
      () => stream.parts(),
      (parts) => parts.has('mode') && parts.has('processes'),
    )
    const before = stream.parts().get('outcomes')
    const { redis } = inside()
    const tallies = createTallies({ redis, keys })
    tallies.add('delivered', 77)
    await tallies.flush()
    await eventually(
      () => stream.parts().get('outcomes'),
      (now) => now !== before && now?.includes('77') === true,
    )
  })

  it('tells who comes when fifty are there to come again', async () => {
    const port = await openPort()
    const streams = await Promise.all(Array.from({ length: 50 }, () => openStream(port)))
    const more = await openStream(port)
    await eventually(more.isOver, (isOver) => isOver)
    expect(more.text()).toBe('retry: 10000\n\n')
    for (const stream of streams) stream.leave()
    await eventually(
      async () => {
        const again = await openStream(port)
        await eventually(
          () => again.text(),
          (text) => text !== '',
        )
        again.leave()
        return again.text()
      },
      (text) => text.startsWith('retry: 1000\n'),
    )
  })
})

async function openStream(port: number) {
  let text = ''
  let isOver = false
  const request = http.get({ port, path: '/admin/events', headers: { authorization } })
  onTestFinished(() => void request.destroy())
  const response = await new Promise<http.IncomingMessage>((resolve) => request.once('response', resolve))
  expect(response.headers['content-type']).toBe('text/event-stream; charset=utf-8')
  response.setEncoding('utf8')
  response.on('data', (data: string) => (text += data))
  response.on('close', () => (isOver = true))
  response.on('error', () => undefined)
  return {
    text: () => text,
    isOver: () => isOver,
    leave: () => void request.destroy(),
    /** The parts as they are now. */
    parts(): Map<string, string> {
      const events = [...text.matchAll(/^event: parts\ndata: (.*)$/gm)].map(([, data = '{}']) => data)
      return new Map(events.flatMap((data) => Object.entries(JSON.parse(data) as Record<string, string>)))
    },
  }
}
