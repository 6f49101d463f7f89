/** Traces, as a collector gets them from real processes. */
import { randomBytes } from 'node:crypto'
import { eventually, freePort, startNode } from '@relais/testing'
import { describe, expect, it } from 'vitest'
import { startCollector, type CollectedSpan } from './collector.ts'
import { startSystem, type System } from './system.ts'

const hex = (bytes: number) => randomBytes(bytes).toString('hex')

/** Posts a code, as a caller that traces as well. */
async function postTraced(system: System, to: string, code = '482913') {
  const [traceId, spanId] = [hex(16), hex(8)]
  const answer = await fetch(`${system.apiUrl}/api/messages`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${system.secrets.apiKey}`,
      'content-type': 'application/json',
      traceparent: `00-${traceId}-${spanId}-01`,
    },
    body: JSON.stringify({ to, type: 'otp', code }),
  })
  const { id } = (await answer.json()) as { id: string }
  return { id, traceId, spanId, told: answer.headers.get('traceparent') ?? '' }
}

const named = (spans: CollectedSpan[], name: string) => spans.filter((span) => span.name === name)
const statusesOf = (spans: CollectedSpan[]) =>
  named(spans, 'receipt').map(({ attributes }) => attributes['relais.status'])

describe('a message', () => {
  it('is one trace from its request to its receipt', { timeout: 120_000 }, async (t) => {
    const collector = await startCollector(t)
    const system = await startSystem(t, { env: collector.env })
    const { id, traceId, spanId, told } = await postTraced(system, '+221771234567')
    await system.reaches(id, ['delivered'])
    const of = (spans: CollectedSpan[]) => spans.filter((span) => span.traceId === traceId)
    const all = await collector.has('the whole trace', (spans) => {
      const own = of(spans)
      return (
        statusesOf(own).length >= 2 &&
        named(own, 'process messages').length > 0 &&
        named(own, 'POST /api/messages').length > 0
      )
    })
    const own = of(all)
    const [server] = named(own, 'POST /api/messages')
    const [accept] = named(own, 'accept')
    const [job] = named(own, 'process messages')
    const [send] = named(own, 'send to Meta')
    expect(server).toMatchObject({ service: 'relais-api', kind: 2, parentSpanId: spanId })
    expect(told).toBe(`00-${traceId}-${server?.spanId}-01`)
    expect(accept).toMatchObject({ service: 'relais-api', parentSpanId: server?.spanId })
    expect(job).toMatchObject({ service: 'relais-worker', kind: 5, parentSpanId: accept?.spanId })
    expect(send).toMatchObject({ service: 'relais-worker', kind: 3, parentSpanId: job?.spanId })
    expect(send?.attributes).toEqual({
      'relais.message_id': id,
      'relais.attempt': 1,
      'relais.token_version': 1,
      'relais.outcome': 'accepted',
    })
    const webhooks = named(all, 'POST /api/webhooks/whatsapp')
    for (const receipt of named(own, 'receipt')) {
      expect(receipt.parentSpanId).toBe(accept?.spanId)
      const [link, ...more] = receipt.links
      expect(more).toEqual([])
      expect(link?.traceId).not.toBe(traceId)
      expect(webhooks.some((each) => each.spanId === link?.spanId)).toBe(true)
    }
    // Nothing else, and nothing of it out of order.
    const names = ['POST /api/messages', 'accept', 'process messages', 'send to Meta', 'receipt']
    expect([...new Set(own.map(({ name }) => name))].toSorted()).toEqual(names.toSorted())
    expect(BigInt(send?.startTimeUnixNano ?? 0)).toBeGreaterThan(BigInt(accept?.startTimeUnixNano ?? 0))
    const line = system.events('message.sent').find(({ messageId }) => messageId === id)
    expect(line).toMatchObject({ traceId })
  })

  it('that falls back has that in its trace, whoever found out', { timeout: 120_000 }, async (t) => {
    const collector = await startCollector(t)
    const system = await startSystem(t, { env: collector.env })
    const refused = await postTraced(system, '+221771230030')
    const failed = await postTraced(system, '+221771230026')
    for (const { id, traceId } of [refused, failed]) {
      await system.reaches(id, ['fallback'])
      const own = (
        await collector.has('the fallback', (spans) =>
          spans.some((span) => span.name === 'process fallback' && span.traceId === traceId),
        )
      ).filter((span) => span.traceId === traceId)
      const [accept] = named(own, 'accept')
      expect(named(own, 'process fallback')).toMatchObject([{ parentSpanId: accept?.spanId, kind: 5 }])
    }
    const ofFailed = collector.spans().filter(({ traceId }) => traceId === failed.traceId)
    expect(statusesOf(ofFailed)).toContain('failed')
    const [attempt] = named(
      collector.spans().filter(({ traceId }) => traceId === refused.traceId),
      'send to Meta',
    )
    expect(attempt).toMatchObject({ status: { code: 2 }, attributes: { 'relais.graph_code': 131030 } })
  })

  it('that is not sampled leaves nothing, here or in its record', { timeout: 120_000 }, async (t) => {
    const collector = await startCollector(t)
    const system = await startSystem(t, { env: { ...collector.env, OTEL_TRACES_SAMPLER: 'always_off' } })
    const id = await system.send('+221771234567', '482913')
    await system.reaches(id, ['delivered'])
    expect(await system.api.stop()).toBe(0)
    for (const worker of system.workers) expect(await worker.stop()).toBe(0)
    expect(collector.spans()).toEqual([])
    expect(system.events('message.sent')[0]).not.toHaveProperty('traceId')
  })
})

it('holds no code, key, token, number, address or text', { timeout: 120_000 }, async (t) => {
  const collector = await startCollector(t)
  const system = await startSystem(t, { env: collector.env })
  const { secrets, apiUrl } = system
  const codes: string[] = []
  const newCode = () => {
    codes.push(`Zq${codes.length}x${hex(3)}Kv`)
    return codes.at(-1) ?? ''
  }
  const ids: string[] = []
  for (const ending of ['4567', '0026', '0030', '0100', '0500', '0998', '0056'])
    ids.push((await postTraced(system, `+22177123${ending}`, newCode())).id)
  await system.send('+221771234568', newCode(), { reference: `ref ${newCode()}` })
  const as = (key: string) => ({ authorization: `Bearer ${key}`, 'content-type': 'application/json' })
  const text = `text ${newCode()}`
  const key = `idem-${hex(6)}`
  await fetch(`${apiUrl}/api/messages`, {
    method: 'POST',
    headers: { ...as(secrets.apiKey), 'idempotency-key': key },
    body: JSON.stringify({ to: '+221771234569', type: 'text', text }),
  })
  const wrong = `rk_live_${hex(20)}`
  await fetch(`${apiUrl}/api/messages/${newCode()}?token=${newCode()}`, { headers: as(secrets.apiKey) })
  await fetch(`${apiUrl}/nowhere/${newCode()}?token=${newCode()}`, { headers: as(wrong) })
  await fetch(`${apiUrl}/api/messages`, {
    method: 'POST',
    headers: as(secrets.apiKey),
    body: `{"code":"${newCode()}"`,
  })
  await fetch(
    `${apiUrl}/api/webhooks/whatsapp?hub.mode=subscribe&hub.challenge=1&hub.verify_token=${secrets.verifyToken}`,
  )
  await system.operate('GET', '/api/wallet/whatsapp-status')
  await system.operate('POST', '/api/wallet/refresh-whatsapp-token', {})
  const candidate = `EAAcandidate${hex(6)}`
  await system.operate('POST', '/api/wallet/update-whatsapp-token', { accessToken: candidate })
  await system.operate('POST', `/api/fallback/${ids[2]}/reveal`, { reason: `they say ${codes[2]}` })
  for (const [i, id] of ids.entries()) if (i < 4) await system.reaches(id, ['delivered', 'fallback'])
  await system.tells(ids[5] ?? '', 'ECONNRESET')
  const spans = await collector.has('spans of all kinds', (all) =>
    ['process messages', 'process fallback', 'receipt', 'send to Meta', 'GET /api/webhooks/whatsapp'].every(
      (name) => all.some((span) => span.name === name),
    ),
  )
  expect(await system.api.stop()).toBe(0)
  for (const worker of system.workers) expect(await worker.stop()).toBe(0)

  const received = collector.received()
  expect(received.length).toBeGreaterThan(5000)
  const wamids = system.simulator.messages().map(({ id }) => id)
  expect(wamids.length).toBeGreaterThan(2)
  const canaries = [...codes, ...Object.values(secrets), ...wamids, text, key, wrong, candidate, '77123']
  for (const canary of canaries) expect(received.includes(canary), canary).toBe(false)
  // The search can fail: what may be there is found.
  for (const id of ids.slice(0, 4)) expect(received).toContain(id)
  expect(received).not.toMatch(/https?:\/\/|hub\.|ECONNRESET|\+\d{8}/)
  expect(spans.flatMap(({ status }) => status.message ?? [])).toEqual([])
})

describe('a collector', () => {
  it.each([true, false])('that hangs (%s) or is away keeps nobody', { timeout: 120_000 }, async (hangs) => {
    await using scope = scopeOf()
    const collector = await startCollector(scope, { hangs })
    const away = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}` }
    const system = await startSystem(scope, { env: { ...collector.env, ...(!hangs && away) } })
    const ids: string[] = []
    for (let i = 0; i < 20; i += 1) ids.push(await system.send(`+2217712345${10 + i}`, '482913'))
    for (const id of ids) await system.reaches(id, ['delivered'])
    if (hangs) await eventually(collector.requests, (requests) => requests > 1)
    else
      await eventually(
        () => system.events('tracing.not_exported'),
        ({ length }) => length > 0,
        { timeoutMs: 30_000 },
      )
    // The exit code says that all was closed in time.
    const codes = await Promise.all([system.api, ...system.workers].map((each) => each.stop()))
    expect(codes).toEqual([0, 0])
    expect(system.output().join('\n')).not.toMatch(/left_open|process\.failed/)
  })
})

it('nothing of OpenTelemetry is loaded where it is off', { timeout: 240_000 }, async (t) => {
  const system = await startSystem(t)
  await system.reaches(await system.send('+221771234567', '482913'), ['delivered'])
  for (const app of ['api', 'worker'] as const) {
    expect(await loadedBy(app, system.env)).toEqual([])
    expect(await loadedBy(app, { ...system.env, TRACING: 'on' })).not.toEqual([])
  }
})

/** The files of OpenTelemetry that a process has loaded, but for its interface: the library of metrics has that with it. */
async function loadedBy(app: 'api' | 'worker', env: Record<string, string>): Promise<string[]> {
  const say = `
    import { createRequire } from 'node:module'
    process.on('exit', () => {
      const files = Object.keys(createRequire(process.argv[1]).cache).filter((name) => /@opentelemetry.(?!api[@/])/.test(name))
      console.log(JSON.stringify({ loaded: files }))
    })`
  const child = startNode(
    `apps/${app}/dist/main.js`,
    { ...env, PORT: '0' },
    { nodeArgs: ['--import', `data:text/javascript,${encodeURIComponent(say)}`] },
  )
  await child.waitForLine((line) => /api\.listening|worker\.started/.test(line), 60_000)
  await child.stop()
  const [said] = child.jsonLines().filter((line) => 'loaded' in line)
  return said?.['loaded'] as string[]
}

/** A scope for the time of a block. */
function scopeOf() {
  const closers: (() => Promise<void>)[] = []
  return {
    onTestFinished: (close: () => Promise<void>) => void closers.push(close),
    async [Symbol.asyncDispose]() {
      for (const close of closers.toReversed()) await close()
    },
  }
}
