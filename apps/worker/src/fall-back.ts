/**
 * Use case: the fallback queue. Writes the record from which an operator helps the person who is waiting.
 *
 * Record first, then the move: a crash in between writes the record once more, the other order would lose it. Readers of the
 * sink tell a repeat by its `messageId`.
 */
import {
  isSettled,
  openContent,
  type AgeSeal,
  type Events,
  type FallbackReason,
  type Message,
  type MessageStore,
  type PumpingGuard,
  type Sealer,
} from '@relais/core'
import type { FallbackSink } from './fallback-sink.ts'

/** What says something about the recipient, and nothing about us or Meta. */
const RECIPIENTS_OWN: readonly FallbackReason[] = ['recipient_unreachable', 'undelivered']

/**
 * @param deps.codes `plain` puts the code into the record, `masked` does not, `sealed` puts it there as few can read it
 * @param deps.sealToOperators with `sealed`: seals to the operators' public keys. Relais cannot read the code from then on, and keeps none.
 *   Without it the record has the text that is sealed under our own keys
 * @param deps.guard learns what became of the code; absent when it is off
 */
export function createFallBack(deps: {
  store: MessageStore
  sealer: Sealer
  sink: FallbackSink
  events: Events
  codes: 'plain' | 'masked' | 'sealed'
  sealToOperators?: AgeSeal | undefined
  guard?: Pick<PumpingGuard, 'failed' | 'notSent'> | undefined
  now?: () => number
}) {
  const { store, sealer, sink, events, sealToOperators, guard, now = Date.now } = deps

  return async (messageId: string): Promise<void> => {
    const message = await store.read(messageId)
    if (!message?.reason || isSettled(message.status)) return
    // Nobody waits for the code of a test.
    if (!message.isTest) await sink.write(await recordOf(message))
    const { moved } = await store.move(messageId, {
      to: 'fallback',
      keepsContent: message.type === 'otp' && !sealToOperators && !message.isTest,
      ...(message.reasonDetail && { detail: message.reasonDetail }),
    })
    if (!moved || message.isTest) return
    events.messageEnded('fallback', message.reason)
    if (guard) await tellGuard(guard, message, message.reason)
  }

  async function tellGuard(
    { failed, notSent }: Pick<PumpingGuard, 'failed' | 'notSent'>,
    message: Message,
    reason: FallbackReason,
  ): Promise<void> {
    if (!RECIPIENTS_OWN.includes(reason)) return notSent(message)
    const failing = await failed(message)
    if (failing !== undefined) events.prefixFailing(message.app, failing)
  }

  async function recordOf(message: Message): Promise<object> {
    const { id, app, to, reason, expiresAt, reference } = message
    const isExpired = now() >= expiresAt
    const code = isExpired ? undefined : await shownCode(message)
    return {
      event: 'message.fallback',
      messageId: id,
      app,
      to,
      ...(code !== undefined && { code }),
      reason,
      expiresAt: new Date(expiresAt).toISOString(),
      ...(reference !== undefined && { reference }),
      ...(isExpired && { expired: true }),
    }
  }

  /** The code as the record shows it. */
  async function shownCode({ id, type }: Message): Promise<string | undefined> {
    if (deps.codes === 'masked' || type !== 'otp') return undefined
    if (deps.codes === 'sealed' && !sealToOperators) return store.readContent(id)
    const code = await codeOf(id)
    return code !== undefined && sealToOperators ? sealToOperators(code) : code
  }

  /** Without its key a code is lost; the operator still learns who is waiting. */
  async function codeOf(messageId: string): Promise<string | undefined> {
    const content = openContent(sealer, messageId, await store.readContent(messageId))
    return content?.type === 'otp' ? content.code : undefined
  }
}

export type FallBack = ReturnType<typeof createFallBack>
