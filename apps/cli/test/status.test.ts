import { mkdtemp, writeFile } from 'node:fs/promises'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '@relais/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { runStatus } from '../src/commands/status.ts'
import { createPaint } from '../src/paint.ts'
import { plain } from '../src/printable.ts'
import { renderStatus } from '../src/status-view.ts'
import { type WhatsappStatus } from '../src/whatsapp-status.ts'

const now = Date.parse('2026-11-22T12:00:00Z')
const counts = { waiting: 0, active: 0, delayed: 0, failed: 0 }
const good: WhatsappStatus = {
  mode: 'connected',
  token: {
    state: 'valid',
    source: 'renewed',
    version: 3,
    fingerprint: 'ab12cd34',
    expiresAt: '2027-01-20T12:00:00.000Z',
    expiresInSeconds: 5_097_600,
    renewsAt: '2026-12-22T12:00:00.000Z',
    autoRenewal: true,
    lastRenewal: { at: '2026-11-21T11:00:00.000Z', ok: true },
  },
  phone: { id: '106', displayNumber: '15550783881', verifiedName: 'Relais', qualityRating: 'GREEN' },
  graph: { reachable: true, latencyMs: 34 },
  queues: { messages: counts, fallback: counts },
  receipts: { expected: true, lastAt: '2026-11-22T11:59:48.000Z' },
  findings: [],
}

const screen = (status: WhatsappStatus, isColoured = false) =>
  renderStatus({ status, url: 'http://api', now }, createPaint(isColoured))

describe('the screen', () => {
  it('tells all of it', () => {
    const text = screen(good)
    for (const said of [
      'CONNECTED',
      'valid, from its own renewal, version 3, fingerprint ab12cd34',
      'ends 2027-01-20 12:00 UTC (in 59 days); renews itself from 2026-12-22 12:00 UTC',
      'last renewal 1 day ago: done',
      '15550783881, "Relais", id 106, quality GREEN',
      'answers in 34 ms',
      'the last one came 12 s ago',
    ])
      expect(text).toContain(said)
    expect(text).not.toContain('Next step')
    expect(text).not.toContain('\u001b')
    expect(screen(good, true)).toContain('\u001b[32m')
  })

  it('lets no text of others move the cursor', () => {
    expect(plain('a\u001b[2Jb\nc')).toBe('a [2Jb c')
    expect(screen({ ...good, phone: { ...good.phone, verifiedName: '\u001b[31mx' } })).not.toContain('\u001b')
  })

  it('says what is wrong and what to do, the worst first, and all of it as JSON', () => {
    const findings: WhatsappStatus['findings'] = [
      {
        id: 'token_dead',
        severity: 'critical',
        what: 'The token is \u001b[31mdead.',
        remedy: 'Bring a new one.',
      },
      { id: 'pair_limited', severity: 'note', what: 'Somebody gets much.', remedy: 'Look at it.' },
    ]
    const text = screen({ ...good, mode: 'fallback', findings })
    expect(text).toMatch(/critical: The token is .*dead\.\nNext step: Bring a new one\.\n\nnote: Somebody/)
    expect(text).not.toContain('\u001b')
    expect(text).not.toContain('A token is live')
  })
})

describe('what is no status', () => {
  async function serve(listener: http.RequestListener): Promise<string> {
    const server = http.createServer(listener).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    onTestFinished(() => void server.close())
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }
  const answering = (statusCode: number, body: string) =>
    serve((_, response) => response.writeHead(statusCode, { location: 'http://elsewhere/' }).end(body))

  async function look(environment: Record<string, string>) {
    let printed = ''
    const paint = createPaint(false)
    const print = (text: string) => void (printed += text)
    const code = await runStatus({ environment, isJson: true, paint, print, now: () => now })
    return { code, said: JSON.parse(printed) as Record<string, string> }
  }

  const key = { RELAIS_OPS_KEY: 'a-key' }
  it.for<[string, () => Promise<Record<string, string>>, RegExp, number]>([
    [
      'a key that is not taken',
      async () => ({ RELAIS_URL: await answering(401, '{}'), ...key }),
      /\(401\)/,
      3,
    ],
    ['a key of an app', async () => ({ RELAIS_URL: await answering(403, '{}'), ...key }), /\(403\)/, 3],
    ['nobody there', async () => ({ PORT: String(await freePort()), ...key }), /ECONNREFUSED/, 3],
    ['a web page', async () => ({ RELAIS_URL: await answering(200, '<html>'), ...key }), /without JSON/, 3],
    ['a redirect', async () => ({ RELAIS_URL: await answering(302, ''), ...key }), /HTTP 302/, 3],
    [
      'other JSON',
      async () => ({ RELAIS_URL: await answering(200, '{"mode":"connected"}'), ...key }),
      /no status/,
      3,
    ],
    ['no Redis', async () => ({ RELAIS_URL: await answering(503, '{"detail":"gone"}'), ...key }), /gone/, 3],
    ['no key', () => Promise.resolve({ OPS_KEYS: 'awa:sha256:00' }), /no ops key/, 3],
    [
      'no key in its file',
      () => Promise.resolve({ OPS_KEYS_FILE: '/no/such/file' }),
      /OPS_KEYS_FILE names/,
      78,
    ],
    ['no URL', () => Promise.resolve({ RELAIS_URL: 'ftp://x', ...key }), /no URL/, 78],
    ['a key in the URL', () => Promise.resolve({ RELAIS_URL: 'http://a:b@x', ...key }), /no URL/, 78],
  ])('is told with its remedy: %s', async ([, environment, why, exitCode]) => {
    const { code, said } = await look(await environment())
    expect(said['why']).toMatch(why)
    expect(said['nextStep']).toMatch(/.{20}/)
    expect(code).toBe(exitCode)
  })

  it('asks with the first plain key of OPS_KEYS, unless another is named', async () => {
    const seen: (string | undefined)[] = []
    const url = await serve((request, response) => {
      seen.push(request.headers.authorization)
      response.end(JSON.stringify({ mode: good.mode, findings: [], status: good }))
    })
    const opsKeys = { RELAIS_URL: `${url}/`, OPS_KEYS: 'a:sha256:00, b:plain:key' }
    expect((await look(opsKeys)).code).toBe(0)
    expect((await look({ ...opsKeys, ...key })).code).toBe(0)
    const file = join(await mkdtemp(join(tmpdir(), 'relais-status-')), 'ops_keys')
    await writeFile(file, 'b:key-in-a-file\n')
    expect((await look({ RELAIS_URL: url, OPS_KEYS_FILE: file })).code).toBe(0)
    expect(seen).toEqual(['Bearer plain:key', 'Bearer a-key', 'Bearer key-in-a-file'])
  })
})
