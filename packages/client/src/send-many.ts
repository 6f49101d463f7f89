/** Many messages: in batches of what one request takes, a few at a time, with a result for each in their order. */
import type { AcceptedMessage, MessageBatchAnswer, MessageRequest } from './api-types.ts'
import { isObject, problemOf } from './answer.ts'
import { pause, type CallOptions, type Caller } from './call.ts'
import { ProblemError, RelaisError } from './errors.ts'
import type { SendOptions } from './options.ts'
import { secretsOf } from './secrets.ts'

const MOST_IN_BATCH = 1000
const MOST_AT_ONCE = 3

/** What became of one message: accepted, or why not. */
export type SendResult = { ok: true; message: AcceptedMessage } | { ok: false; error: RelaisError }

/**
 * A batch whose answer was a 503 may have been begun all the same: its repeat then finds what was sent, and for each of the others that it is not
 * sent and takes a new key. So often these are sent again.
 */
const MOST_ROUNDS = 8
const GAP_MS = 500

type Batch = {
  messages: readonly MessageRequest[]
  key: string
  /** What the whole list was asked for with. */
  repeatWith: string
}

/**
 * @param deps.apiKey kept out of what is told
 * @param deps.timeoutMs the deadline of a batch, unless one is given
 */
export function createSendMany(deps: { call: Caller; apiKey: string; timeoutMs: number }) {
  const { call, apiKey } = deps

  return async (
    messages: readonly MessageRequest[],
    { idempotencyKey = crypto.randomUUID(), ...options }: SendOptions = {},
  ): Promise<SendResult[]> => {
    const batches = Array.from({ length: Math.ceil(messages.length / MOST_IN_BATCH) }, (_, i) => ({
      messages: messages.slice(i * MOST_IN_BATCH, (i + 1) * MOST_IN_BATCH),
      // Of its own, and the same when the same list comes again.
      key: `${idempotencyKey}.${i}`,
      repeatWith: idempotencyKey,
    }))
    const results: SendResult[][] = []
    const waiting = batches.entries()
    const lane = async () => {
      for (const [i, batch] of waiting) results[i] = await sendBatch(batch, options)
    }
    await Promise.all(Array.from({ length: MOST_AT_ONCE }, lane))
    return results.flat()
  }

  async function sendBatch(whole: Batch, { signal, timeoutMs }: CallOptions): Promise<SendResult[]> {
    const endsAt = performance.now() + (timeoutMs ?? deps.timeoutMs)
    const results: SendResult[] = []
    let open = whole.messages.map((_, i) => i)
    for (let round = 0; ; round += 1) {
      const messages = open.flatMap((i) => whole.messages[i] ?? [])
      const key = round === 0 ? whole.key : `${whole.key}.${round}`
      const leftMs = Math.max(1, endsAt - performance.now())
      const got = await sendOnce({ ...whole, messages, key }, { signal, timeoutMs: leftMs })
      for (const [i, result] of got.results.entries()) results[open[i] ?? i] = result
      open = got.takenBack.flatMap((i) => open[i] ?? [])
      if (open.length === 0 || round === MOST_ROUNDS || performance.now() + GAP_MS >= endsAt) return results
      await pause(GAP_MS, signal)
    }
  }

  /** `takenBack`: those that are not sent, and may be with a new key. */
  async function sendOnce(
    { messages, key, repeatWith }: Batch,
    options: CallOptions,
  ): Promise<{ results: SendResult[]; takenBack: number[] }> {
    try {
      const answer = await call<MessageBatchAnswer>(
        {
          method: 'POST',
          path: '/api/messages/batch',
          body: { messages },
          idempotencyKey: key,
          repeatWith,
          isExpected: (body) => isAnswerTo(messages.length, body),
        },
        options,
      )
      const results = answer.results.map((result, i) =>
        resultOf(result, { message: messages[i], repeatWith }),
      )
      const takenBack = answer.results.flatMap(({ status }, i) => (status === 503 ? i : []))
      return { results, takenBack }
    } catch (error) {
      // All of them have failed alike. What is not ours is the caller's own wish to stop.
      if (!(error instanceof RelaisError)) throw error
      return { results: messages.map(() => ({ ok: false, error })), takenBack: [] }
    }
  }

  function resultOf(
    result: MessageBatchAnswer['results'][number],
    of: { message: MessageRequest | undefined; repeatWith: string },
  ): SendResult {
    if ('id' in result) return { ok: true, message: result }
    const secrets = [apiKey, ...secretsOf(of.message)]
    const problem = problemOf(result, { status: result.status, secrets })
    return { ok: false, error: new ProblemError(problem, { idempotencyKey: of.repeatWith, tries: 1 }) }
  }
}

function isAnswerTo(count: number, body: unknown): boolean {
  if (!isObject(body)) return false
  const { results } = body
  return Array.isArray(results) && results.length === count && results.every(isObject)
}
