/** The page about the logs, held to what processes write when messages go every way there is. */
import { readdir, readFile } from 'node:fs/promises'
import { eventually, startRedis } from '@relais/testing'
import { describe, expect, it } from 'vitest'
import { isUp, recipients, sharedSystem, startSystem, type System } from './system.ts'

type Line = Record<string, unknown>

const page = await readFile('docs/logs.md', 'utf8')

/** What stands in a cell: names of fields, and of groups of them. */
function fieldsIn(cell: string): string[] {
  const own = [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name)
  const groups = [...cell.matchAll(/(?<!\*)\*(\w+)\*(?!\*)/g)].map(([, name = '']) => name)
  return [...own, ...groups.flatMap((name) => GROUPS.get(name) ?? [`*${name}*?`])]
}

/** Names in brackets and after them explain a field. */
const named = (cell: string) => cell.replaceAll(/\([^()]*\)/g, '')

const rows = [...page.matchAll(/^\| (.*) \|$/gm)].map(([, row = '']) => row.split(' | '))
const GROUPS = new Map<string, string[]>()
for (const [first = '', fields = ''] of rows) {
  const [, name] = /^\*(\w+)\*$/.exec(first) ?? []
  if (name) GROUPS.set(name, fieldsIn(named(fields)))
}
const EVENTS = new Map(
  rows.flatMap(([first = '', , fields = '']) => {
    const [, name] = /^`([a-z]+\.[a-z_]+)`$/.exec(first) ?? []
    return name ? [[name, new Set(fieldsIn(fields))] as const] : []
  }),
)

/** Fields of a line that the page does not know. */
function unknownIn(line: Line): string[] {
  const event = String(line['event'])
  const known = EVENTS.get(event)
  if (!known) return [`the event ${event}`]
  const common = event === 'message.fallback' ? ['event'] : (GROUPS.get('line') ?? [])
  return Object.keys(line)
    .filter((field) => !known.has(field) && !common.includes(field))
    .map((field) => `${event}: ${field}`)
}

const linesOf = (system: System) => system.output().flatMap(parsed)

function parsed(text: string): Line[] {
  if (!text.startsWith('{')) return []
  return [JSON.parse(text) as Line]
}

const linesAbout = (system: System, messageId: string, event: string) =>
  system.events(event).filter((line) => line['messageId'] === messageId)

describe('docs/logs.md', () => {
  it('names every event that the sources do', async () => {
    const files = ['apps/api/src', 'apps/worker/src', 'packages/core/src'].flatMap(sourcesOf)
    const texts = await Promise.all((await Promise.all(files)).flat().map((file) => readFile(file, 'utf8')))
    const events = texts.flatMap((text) =>
      [...text.matchAll(/(?:event: |aboutAttempt\()'([a-z]+\.[a-z_]+)'/g)].map(([, name = '']) => name),
    )
    expect(events.length).toBeGreaterThan(50)
    expect([...new Set(events)].filter((name) => !EVENTS.has(name))).toEqual([])
  })

  it('knows each field of each line, whatever becomes of a message', { timeout: 120_000 }, async (t) => {
    const redis = await startRedis()
    t.onTestFinished(() => redis.stop())
    const system = await startSystem(t, {
      redisUrl: redis.url,
      env: { LOG_LEVEL: 'trace', FALLBACK_CODES: 'sealed', MAX_ATTEMPTS: '2' },
    })
    const { apiKey } = system.secrets
    const post = (ending: string, more: object = {}) =>
      system.send(`+22177123${ending}`, '482913', { reference: `ref-${ending}`, ...more })
    const delivered = await fetch(`${system.apiUrl}/api/messages`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${apiKey}`,
        'content-type': 'application/json',
        'x-request-id': 'login-7781',
      },
      body: JSON.stringify({ to: '+221771234567', type: 'otp', code: '482913', reference: 'ref' }),
    })
    const { id } = (await delivered.json()) as { id: string }
    await system.reaches(id, ['delivered'])

    // Every way in which an attempt can end: taken, refused, refused for now, limited, broken off, not answered.
    const [refused, transient, limited, reset] = await Promise.all(
      ['0030', '0500', '0056', '0998'].map((e) => post(e)),
    )
    await system.reaches(refused ?? '', ['fallback'])
    await system.tells(transient ?? '', '')
    await system.tells(limited ?? '', '131056')
    await system.tells(reset ?? '', 'ECONNRESET')
    const used = await post('4570')
    await system.reaches(used, ['delivered'])
    await system.call('POST', `/api/messages/${used}/used`, apiKey, {})
    await system.operate('POST', `/api/fallback/${refused}/reveal`, { reason: 'the person called' })
    await system.operate('PUT', '/api/admin/log-level', { level: 'debug', minutes: 5 })
    await system.operate('POST', '/api/wallet/refresh-whatsapp-token', {})
    await system.call('GET', '/api/wallet/whatsapp-status', apiKey)
    await fetch(`${system.apiUrl}/api/webhooks/whatsapp`, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json' },
    })
    await system.reaches(transient ?? '', ['fallback'], 60_000)
    await eventually(
      () => linesAbout(system, id, 'message.receipt'),
      ({ length }) => length >= 2,
    )
    // These pause what follows.
    await system.reaches(await post('0130'), ['fallback'])
    system.simulator.revokeToken(system.secrets.accessToken)
    await redis.freeze()
    await eventually(
      () => system.call('GET', '/api/messages/msg_1', apiKey),
      ({ status }) => status === 503,
    )
    await redis.thaw()
    await eventually(
      () => system.events('request.failed'),
      ({ length }) => length > 0,
    )

    const lines = linesOf(system)
    expect(lines.length).toBeGreaterThan(40)
    expect([...new Set(lines.flatMap(unknownIn))]).toEqual([])
    const seen = new Set(lines.map(({ event }) => String(event)))
    for (const event of [
      'message.accepted',
      'message.sent',
      'message.retry',
      'message.failed',
      'message.receipt',
      'message.fallback',
      'message.used',
      'code.revealed',
      'request.completed',
      'request.failed',
      'logs.level_changed',
      'webhook.refused',
    ])
      expect(seen, event).toContain(event)

    // One line for each attempt, with the same fields.
    const [sent, ...more] = linesAbout(system, id, 'message.sent')
    expect(more).toEqual([])
    expect(sent).toMatchObject({
      requestId: 'login-7781',
      reference: 'ref',
      to: '…4567',
      template: 'otp_login',
      language: 'fr',
      attempt: 1,
      claims: 1,
      outcome: 'accepted',
      nextStep: 'sent',
      tokenVersion: 1,
    })
    const times = ['waitedMs', 'slotMs', 'callMs', 'durationMs', 'noteMs', 'deadlineInMs']
    for (const field of times) expect(sent?.[field], field).toEqual(expect.any(Number))
    const [failed] = linesAbout(system, refused ?? '', 'message.failed')
    expect(failed).toMatchObject({ attempt: 1, outcome: 'permanent-recipient', nextStep: 'fall-back' })
    expect(failed?.['graphCode']).toEqual(expect.any(Number))
    const [held] = linesAbout(system, reset ?? '', 'message.retry')
    expect(held).toMatchObject({ outcome: 'ambiguous', nextStep: 'hold', delayMs: 8000 })
    const [first] = linesAbout(system, transient ?? '', 'message.retry')
    expect(first).toMatchObject({ outcome: 'transient', nextStep: 'retry', attempt: 1 })
    const receipts = linesAbout(system, id, 'message.receipt')
    expect(receipts.some(({ sinceSentMs }) => typeof sinceSentMs === 'number')).toBe(true)
    for (const line of [...receipts, ...linesAbout(system, id, 'message.accepted')])
      expect(line).toMatchObject({ requestId: 'login-7781' })
  })
})

describe('many messages', () => {
  const shared = sharedSystem({ env: { LOG_SAMPLE_ABOVE_PER_SECOND: '10', LOG_LEVEL: 'info' } })

  it('leave good news out, count it, and leave no fault out', { timeout: 60_000 }, async () => {
    const system = shared()
    const { apiKey } = system.secrets
    const good = recipients(300).map((to) => ({ to, type: 'otp', code: '482913' }))
    const bad = Array.from({ length: 20 }, (_, i) => ({
      to: `+221771${String(10 + i)}0030`,
      type: 'otp',
      code: '1234',
    }))
    const answer = await system.call('POST', '/api/messages/batch', apiKey, { messages: [...good, ...bad] })
    expect(await answer.json()).toMatchObject({ accepted: 320 })
    await eventually(
      () => system.events('message.fallback'),
      ({ length }) => length === 20,
      { timeoutMs: 30_000 },
    )
    await eventually(
      () => system.events('message.failed'),
      ({ length }) => length === 20,
    )
    const left = await eventually(
      () => system.events('logs.sampled').filter(({ of }) => of === 'message.accepted'),
      ({ length }) => length > 0,
      { timeoutMs: 20_000, what: 'what was left out' },
    )
    const kept = system.events('message.accepted')
    expect(kept.length).toBeLessThan(320)
    expect(kept.some(({ sampleRate }) => Number(sampleRate) > 1)).toBe(true)
    const leftOut = left.reduce((sum, line) => sum + Number(line['leftOut']), 0)
    expect(kept.length + leftOut).toBe(320)
  })
})

async function sourcesOf(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true })
  return names
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => `${folder}/${name}`)
}

it('each process follows the level that an operator sets', { timeout: 60_000 }, async (t) => {
  const system = await startSystem(t, { workers: 2 })
  await isUp(system.api)
  const { statusCode } = await system.operate('PUT', '/api/admin/log-level', { level: 'debug', minutes: 5 })
  expect(statusCode).toBe(200)
  const changes = () => system.events('logs.level_changed')
  const followed = await eventually(changes, ({ length }) => length === 3, {
    what: 'three processes that follow',
  })
  expect(followed.map(({ name, toLevel }) => `${String(name)} ${String(toLevel)}`).toSorted()).toEqual([
    'api debug',
    'worker debug',
    'worker debug',
  ])
})
