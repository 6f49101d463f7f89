/** An app's way to the API: what a careful client does when it gets no answer, or "try again later". */
import { setTimeout as sleep } from 'node:timers/promises'

/** A call that is not answered by then is made again. */
const TIMEOUT_MS = 5000

/** Between two tries, give or take a half: a crowd must not come back as one, nor so often that it keeps the API down. */
const FIRST_PAUSE_MS = 1000
const MOST_PAUSE_MS = 8000

export type Answer = { statusCode: number; body: unknown }

export type RequestCounts = {
  /** Calls made again, by why. */
  again: Record<string, number>
  /** Answers nobody may get: any 5xx but 503, and any 4xx that was not expected. */
  unexpected: Record<string, number>
}

/** @param options.urls the APIs, each by its own link; calls take turns, and a call that is made again goes to the next */
export function createClient({ urls, apiKey }: { urls: readonly string[]; apiKey: string }) {
  const counts: RequestCounts = { again: {}, unexpected: {} }
  let turn = 0

  return {
    counts: (): RequestCounts => counts,

    /**
     * Calls until there is an answer, or until the client has had enough.
     *
     * @param request.expected the statuses that are an answer; 503 and 429 mean "again"
     * @param request.giveUpAfterMs resolves with `undefined` then, as for an answer that was not expected
     */
    async call(request: {
      method: 'GET' | 'POST' | 'DELETE'
      path: string
      body?: unknown
      headers?: Record<string, string>
      expected: readonly number[]
      giveUpAfterMs: number
    }): Promise<Answer | undefined> {
      const giveUpAt = performance.now() + request.giveUpAfterMs
      turn += 1
      for (let tries = 0; ; tries += 1) {
        const url = urls[(turn + tries) % urls.length] ?? ''
        const answer = await once(url, request)
        if (typeof answer !== 'string') {
          if (request.expected.includes(answer.statusCode)) return answer
          bump(counts.unexpected, `${request.method} ${answer.statusCode} ${codeOf(answer.body)}`)
          return undefined
        }
        if (performance.now() > giveUpAt) return undefined
        bump(counts.again, answer)
        await sleep(Math.min(MOST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** tries) * (0.5 + Math.random()))
      }
    },
  }

  /** An answer, or why to try again. */
  async function once(
    url: string,
    request: { method: string; path: string; body?: unknown; headers?: Record<string, string> },
  ): Promise<Answer | string> {
    try {
      const answer = await fetch(url + request.path, {
        method: request.method,
        headers: {
          authorization: `Bearer ${apiKey}`,
          ...(request.body !== undefined && { 'content-type': 'application/json' }),
          ...request.headers,
        },
        ...(request.body !== undefined && { body: JSON.stringify(request.body) }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      })
      const body = (await answer.json()) as unknown
      return [429, 503].includes(answer.status) ? String(answer.status) : { statusCode: answer.status, body }
    } catch (error) {
      return whyNoAnswer(error)
    }
  }
}

export type Client = ReturnType<typeof createClient>

function whyNoAnswer(error: unknown): string {
  if (!(error instanceof Error)) throw error
  if (error.name === 'TimeoutError') return 'time-out'
  const { cause } = error as { cause?: { code?: string } }
  switch (cause?.code) {
    case 'ECONNREFUSED':
      return 'refused'
    case 'ECONNRESET':
    case 'EPIPE':
    case 'UND_ERR_SOCKET':
      return 'reset'
    default:
      return cause?.code ?? error.name
  }
}

function codeOf(body: unknown): string {
  return (body as { code?: string } | null)?.code ?? ''
}

function bump(counts: Record<string, number>, word: string): void {
  counts[word] = (counts[word] ?? 0) + 1
}
