/** Apps that send through several APIs, and repeat what got no answer. */
import http from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TestContext } from 'vitest'
import { recipients } from './system.ts'

type Answer = { statusCode: number; body: string }

/** What a client repeats, and after how long. Connections were refused, or closed before a byte of an answer came. */
const PATIENCE_MS = {
  ECONNREFUSED: 50,
  ECONNRESET: 50,
  // On a crowded machine Redis may keep an API waiting. That has nothing to do with a restart; `Retry-After` says a second.
  queue_unavailable: 1000,
}
type Refusal = keyof typeof PATIENCE_MS

/**
 * Messages at an even pace, to the APIs in turn. A request that got no answer goes to the other with the same Idempotency-Key, as a
 * client's would.
 *
 * @param how.apiKey the key to send the next message with
 */
export function startClients(
  t: TestContext,
  how: { ports: number[]; ratePerSecond: number; apiKey: () => string },
) {
  const { ports, ratePerSecond, apiKey } = how
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
      const answer = await ask(ports[turn % ports.length] ?? 0, `request-${index}`, body).catch(noAnswer)
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
      authorization: `Bearer ${apiKey()}`,
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
      await sleep(Math.max(0, startedAt + ((index + 1) * 1000) / ratePerSecond - performance.now()))
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
