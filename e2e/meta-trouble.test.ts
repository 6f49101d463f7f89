/** Meta in trouble: what becomes of messages, and of the worker, while no send gets an answer. */
import { eventually, freePort, openLink, type Link } from '@relais/testing'
import { describe, it, type TestContext } from 'vitest'
import { isUp, recipients, sendsOf, startSystem, takenBy, type System, type SystemOptions } from './system.ts'

const CONCURRENCY = 10

/** A system whose way to Meta is a link, and the most connections that were open on it at once. */
async function systemWithLink(t: TestContext, options: SystemOptions) {
  const port = await freePort()
  const link = await openLink(port)
  t.onTestFinished(() => link.close())
  const system = await startSystem(t, {
    ...options,
    simulator: { port, ...options.simulator },
    env: {
      WHATSAPP_API_BASE_URL: `http://127.0.0.1:${link.port}`,
      WORKER_CONCURRENCY: String(CONCURRENCY),
      ...options.env,
    },
  })
  return { system, link, mostConnections: watchConnections(t, link) }
}

function watchConnections(t: TestContext, link: Link): () => number {
  let most = 0
  const timer = setInterval(() => (most = Math.max(most, link.connections())), 5)
  t.onTestFinished(() => clearInterval(timer))
  return () => most
}

/** Posts codes, up to 1000; answers the ids of the messages. */
async function postAll(system: System, to: string[], more: object = {}): Promise<string[]> {
  const messages = to.map((each, i) => ({ to: each, type: 'otp', code: String(100_000 + i), ...more }))
  // A 503 is tried again, as a client would.
  const answer = await eventually(
    () =>
      fetch(`${system.apiUrl}/api/messages/batch`, {
        method: 'POST',
        headers: { authorization: `Bearer ${system.secrets.apiKey}`, 'content-type': 'application/json' },
        body: JSON.stringify({ messages }),
      }),
    ({ status }) => status !== 503,
    { everyMs: 200, what: 'an API that accepts' },
  )
  const { results } = (await answer.json()) as { results: { id: string }[] }
  return results.map(({ id }) => id)
}

async function allReach(system: System, ids: string[], statuses: string[], timeoutMs: number) {
  const messages = []
  for (const id of ids) messages.push(await system.reaches(id, statuses, timeoutMs))
  return messages
}

const at = (message: { timeline: { status: string; at: string }[] }, status: string) =>
  Date.parse(message.timeline.findLast((entry) => entry.status === status)?.at ?? '')

/** The most of these moments that any second holds. */
function mostInASecond(times: number[]): number {
  const sorted = times.toSorted((a, b) => a - b)
  return Math.max(...sorted.map((from) => sorted.filter((time) => time >= from && time < from + 1000).length))
}

const sum = (numbers: number[]) => numbers.reduce((all, each) => all + each, 0)

describe.concurrent('an outage of Meta', { timeout: 180_000 }, () => {
  it('without connections burns few attempts, keeps every moment, and ends without a herd', async (t) => {
    const { expect } = t
    const rate = 20
    const { system, link, mostConnections } = await systemWithLink(t, {
      env: { SEND_RATE_PER_SECOND: String(rate), DELIVER_WITHIN_SECONDS: '200' },
    })
    await system.reaches(await system.send('+221771239999', '1111'), ['delivered'])
    link.refuse()
    const [urgent, patient] = [recipients(60).slice(0, 20), recipients(160).slice(60)]
    const overdue = await postAll(system, urgent, { deliverWithinSeconds: 15 })
    const waiting = await postAll(system, patient)
    // Those whose moment comes in the outage.
    const fallen = await allReach(system, overdue, ['fallback'], 40_000)
    for (const message of fallen) {
      expect(message.reason).toBe('provider_unavailable')
      expect(at(message, 'fallback') - at(message, 'queued')).toBeLessThan(25_000)
    }
    expect(system.events('provider.unreachable')).toHaveLength(1)
    expect(system.events('provider.reachable')).toHaveLength(0)
    const recoveredAt = Date.now()
    link.restore()
    const sent = await allReach(system, waiting, ['delivered', 'fallback'], 60_000)
    expect(sent.filter(({ status }) => status !== 'delivered')).toEqual([])
    expect(waiting.filter((id) => takenBy(system.simulator, id).length !== 1)).toEqual([])
    const [reachable, ...more] = system.events('provider.reachable') as { probes: number }[]
    expect(more).toEqual([])
    // Ten to find out, those that were on their way by then, and the probes; beside the one that each message needs.
    const attempts = sum([...fallen, ...sent].map((message) => message.attempts))
    expect(attempts).toBeLessThanOrEqual(10 + CONCURRENCY + (reachable?.probes ?? 0) + waiting.length)
    expect(system.events('message.possible_duplicate')).toEqual([])
    const times = waiting.flatMap((id) => sendsOf(system.simulator, id).map((call) => call.at))
    expect(Math.min(...times)).toBeGreaterThanOrEqual(recoveredAt)
    expect(mostInASecond(times)).toBeLessThan(rate * 1.6)
    expect(mostConnections()).toBeLessThanOrEqual(CONCURRENCY + 2)
  })

  it('behind a proxy that answers with HTML makes few messages uncertain', async (t) => {
    const { expect } = t
    const { system, mostConnections } = await systemWithLink(t, { env: { DELIVER_WITHIN_SECONDS: '200' } })
    system.simulator.injectFaults([{ kind: 'html', statusCode: 503, forSeconds: 15 }])
    const ids = await postAll(system, recipients(100))
    const ended = await allReach(system, ids, ['delivered', 'fallback'], 60_000)
    expect(ended.filter(({ status }) => status !== 'delivered')).toEqual([])
    expect(ids.filter((id) => takenBy(system.simulator, id).length !== 1)).toEqual([])
    const probes = sum(system.events('provider.reachable').map((event) => event['probes'] as number))
    expect(probes).toBeGreaterThan(0)
    const lost = ids.flatMap((id) => sendsOf(system.simulator, id)).filter((call) => !call.messageId)
    expect(lost.length).toBeLessThanOrEqual(10 + CONCURRENCY + probes)
    // Each of those may have been taken, for all that we know: it was sent again, and counted.
    expect(system.events('message.possible_duplicate')).toHaveLength(lost.length)
    expect(mostConnections()).toBeLessThanOrEqual(CONCURRENCY + 2)
  })

  it('in which every send hangs takes neither sockets nor memory by the backlog, and codes fall back in time', async (t) => {
    const { expect } = t
    const { system, mostConnections } = await systemWithLink(t, {
      workers: 0,
      // No call ends before the moment of those that wait behind it.
      env: { DELIVER_WITHIN_SECONDS: '4', SEND_TIMEOUT_MS: '20000' },
    })
    system.simulator.injectFaults([{ kind: 'stall', ms: 30_000, accepted: false, forSeconds: 3600 }])
    const metricsPort = await freePort()
    await isUp(system.startApp('worker', { METRICS_PORT: String(metricsPort) }))
    const memory = () => residentBytes(metricsPort)

    const few = await postAll(system, recipients(100))
    const inTime = await allReach(system, few, ['fallback'], 60_000)
    const rounds = [1, 2, 3].map((round) => recipients(100 + 1000 * round).slice(-1000))
    const bytes: number[] = []
    for (const round of rounds) {
      const ids = await postAll(system, round)
      bytes.push(await memory())
      await allReach(system, ids.slice(-100), ['fallback'], 60_000)
    }
    // The first thousand warm it up.
    const [warm = 0, ...later] = bytes
    expect(Math.max(...later) - warm).toBeLessThan(64 * 1024 * 1024)

    // All but those that were being sent, which Meta may have: a receipt is waited for.
    const queued = inTime.filter(({ attempts }) => attempts === 0)
    expect(queued.length).toBeGreaterThanOrEqual(few.length - CONCURRENCY)
    for (const message of queued) {
      expect(at(message, 'fallback') - at(message, 'queued')).toBeLessThan(15_000)
    }
    expect(mostConnections()).toBeLessThanOrEqual(CONCURRENCY + 2)
    expect(mostConnections()).toBeGreaterThan(0)
  })
})

async function residentBytes(metricsPort: number): Promise<number> {
  const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(metrics)?.[1])
}
