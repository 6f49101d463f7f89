/** Many messages: in batches of what one request takes, a few at a time, with a result for each in their order. */
import type { AcceptedMessage, MessageBatchAnswer, MessageRequest } from './api-types.ts'
import { isObject, problemOf } from './answer.ts'
import type { Caller } from './call.ts'
import { ProblemError, RelaisError } from './errors.ts'
import type { SendOptions } from './options.ts'
import { secretsOf } from './secrets.ts'

const MOST_IN_BATCH = 1000
const MOST_AT_ONCE = 3

/** What became of one message: accepted, or why not. */
export type SendResult = { ok: true; message: AcceptedMessage } | { ok: false; error: RelaisError }

/** @param apiKey kept out of what is told */
export function createSendMany(call: Caller, apiKey: string) {
  return async (
    messages: readonly MessageRequest[],
    { idempotencyKey = crypto.randomUUID(), ...options }: SendOptions = {},
  ): Promise<SendResult[]> => {
    const batches = Array.from({ length: Math.ceil(messages.length / MOST_IN_BATCH) }, (_, i) => ({
      messages: messages.slice(i * MOST_IN_BATCH, (i + 1) * MOST_IN_BATCH),
      // Of its own, and the same when the same list comes again.
      key: `${idempotencyKey}.${i}`,
    }))
    const results: SendResult[][] = []
    const waiting = batches.entries()
    const lane = async () => {
      for (const [i, batch] of waiting) results[i] = await sendBatch(batch, options)
    }
    await Promise.all(Array.from({ length: MOST_AT_ONCE }, lane))
    return results.flat()
  }

  async function sendBatch(
    { messages, key }: { messages: readonly MessageRequest[]; key: string },
    options: SendOptions,
  ): Promise<SendResult[]> {
    try {
      const answer = await call<MessageBatchAnswer>(
        {
          method: 'POST',
          path: '/api/messages/batch',
          body: { messages },
          idempotencyKey: key,
          isExpected: (body) =>
            isObject(body) && Array.isArray(body['results']) && body['results'].length === messages.length,
        },
        options,
      )
      return answer.results.map((result, i) => resultOf(result, { message: messages[i], key }))
    } catch (error) {
      // All of them have failed alike. What is not ours is the caller's own wish to stop.
      if (!(error instanceof RelaisError)) throw error
      return messages.map(() => ({ ok: false, error }))
    }
  }

  function resultOf(
    result: MessageBatchAnswer['results'][number],
    of: { message: MessageRequest | undefined; key: string },
  ): SendResult {
    if ('id' in result) return { ok: true, message: result }
    const secrets = [apiKey, ...secretsOf(of.message)]
    const problem = problemOf(result, { status: result.status, secrets })
    return { ok: false, error: new ProblemError(problem, { idempotencyKey: of.key, tries: 1 }) }
  }
}
