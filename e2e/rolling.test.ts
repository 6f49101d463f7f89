/** Every process is replaced, one after the other, while messages come in. */
import http from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually, freePort, type NodeProcess } from '@relais/testing'
import { describe, it, type TestContext } from 'vitest'
import { isUp, recipients, sendsOf, startSystem, takenBy, type System } from './system.ts'

/** The long look: RELAIS_ROLLING_RATE=50 sends so many a second, and replaces everything three times. */
const LONG_LOOK = Number(process.env['RELAIS_ROLLING_RATE'] ?? 0)
const RATE = LONG_LOOK || 20
const ROUNDS = LONG_LOOK > 0 ? 3 : 1

describe('a rolling restart', { timeout: LONG_LOOK > 0 ? 600_000 : 180_000 }, () => {
  it('loses nothing, sends nothing twice, and fails no request that a client cannot repeat', async (t) => {
    const { expect } = t
    const system = await startSystem(t, { workers: 2 })
    const ports = [new URL(system.apiUrl).port, String(await freePort())]
    const second = system.startApp('api', { PORT: ports[1] ?? '' })
    await isUp(second)
    const load = startLoad(t, system, ports.map(Number))
    const apis = [system.api, second]
    const workers = [...system.workers]
    for (let round = 1; round <= ROUNDS; round += 1) {
      for (const [i, port] of ports.entries()) {
        await replace(apis, i, () => system.startApp('api', { PORT: port }))
        await replace(workers, i, () => system.startApp('worker'))
      }
    }
    const { accepted, refusals, others } = await load.stop()

    async function replace(pool: NodeProcess[], i: number, start: () => NodeProcess): Promise<void> {
      expect(await pool[i]?.stop()).toBe(0)
      const fresh = start()
      pool[i] = fresh
      await isUp(fresh)
      // The next is not asked before this one has carried something.
      const before = load.accepted()
      await eventually(load.accepted, (count) => count >= before + RATE, { timeoutMs: 30_000 })
    }

    expect(others).toEqual([])
    expect(new Set(accepted).size).toBe(accepted.length)
    for (const id of accepted) {
      const { attempts, timeline } = await system.reaches(id, ['delivered', 'fallback'], 60_000)
      expect(attempts).toBe(1)
      expect(timeline.map(({ status }) => status)).not.toContain('uncertain')
      expect(sendsOf(system.simulator, id)).toHaveLength(1)
      expect(takenBy(system.simulator, id)).toHaveLength(1)
    }
    // Nobody was told "no", and has a message all the same.
    expect(system.simulator.messages()).toHaveLength(accepted.length)
    expect(system.events('message.possible_duplicate')).toEqual([])
    if (LONG_LOOK > 0) {
      const facts = { rate: RATE, restarts: ROUNDS * 4, accepted: accepted.length, repeated: count(refusals) }
      process.stdout.write(`rolling restart: ${JSON.stringify(facts)}\n`)
    }
  })
})

type Answer = { statusCode: number; body: string }

/** What a client repeats, and after how long. Connections were refused, or closed before a byte of an answer came. */
const PATIENCE_MS = {
  ECONNREFUSED: 50,
  ECONNRESET: 50,
  // On a crowded machine Redis may keep an API waiting. That has nothing to do with a restart; `Retry-After` says a second.
  queue_unavailable: 1000,
}
type Refusal = keyof typeof PATIENCE_MS

/** Messages at an even pace, to the APIs in turn. A request that got no answer goes to the other with the same key, as a client's would. */
function startLoad(t: TestContext, system: System, ports: number[]) {
  const agent = new http.Agent({ keepAlive: true })
  t.onTestFinished(() => agent.destroy())
  const to = recipients(4000 * 5)
  const accepted: string[] = []
  const refusals: Refusal[] = []
  const others: Answer[] = []
  const posting: Promise<void>[] = []
  let isStopped = false

  async function post(index: number): Promise<void> {
    const body = { to: to[index % to.length], type: 'otp', code: '482913' }
    for (let turn = index; ; turn += 1) {
      const answer = await ask(ports[turn % ports.length] ?? 0, `rolling-${index}`, body).catch(noAnswer)
      const refusal = typeof answer === 'string' ? answer : busyWith(answer)
      if (refusal !== undefined) {
        refusals.push(refusal)
        await sleep(PATIENCE_MS[refusal])
        continue
      }
      const { statusCode, body: text } = answer as Answer
      if (statusCode === 202) accepted.push((JSON.parse(text) as { id: string }).id)
      else others.push({ statusCode, body: text })
      return
    }
  }

  function ask(port: number, key: string, body: object): Promise<Answer> {
    const headers = {
      authorization: `Bearer ${system.secrets.apiKey}`,
      'content-type': 'application/json',
      'idempotency-key': key,
    }
    return new Promise((resolve, reject) => {
      const options = { agent, host: '127.0.0.1', port, method: 'POST', path: '/api/messages', headers }
      const request = http.request(options, (response) => {
        let text = ''
        response.on('data', (chunk: Buffer) => (text += chunk.toString()))
        response.on('end', () => resolve({ statusCode: response.statusCode ?? 0, body: text }))
        // An answer that breaks off is not one that a client may take for none.
        response.on('error', () => resolve({ statusCode: response.statusCode ?? 0, body: 'broken off' }))
      })
      request.on('error', reject)
      request.end(JSON.stringify(body))
    })
  }

  const pacing = (async () => {
    const startedAt = performance.now()
    for (let index = 0; !isStopped; index += 1) {
      posting.push(post(index))
      await sleep(Math.max(0, startedAt + ((index + 1) * 1000) / RATE - performance.now()))
    }
  })()

  return {
    accepted: () => accepted.length,
    async stop() {
      isStopped = true
      await pacing
      await Promise.all(posting)
      return { accepted, refusals, others }
    },
  }
}

function noAnswer(error: Error & { code?: string }): Refusal {
  if (error.code === 'ECONNREFUSED' || error.code === 'ECONNRESET') return error.code
  throw error
}

function busyWith({ statusCode, body }: Answer): Refusal | undefined {
  return statusCode === 503 && body.includes('"queue_unavailable"') ? 'queue_unavailable' : undefined
}

function count(values: string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1
  return counts
}
