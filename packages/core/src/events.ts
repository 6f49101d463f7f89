/**
 * What happened, one function per event: the log line and the counter together. Callers say what happened, not which counter to
 * touch. No line holds a code, a token or a whole number; the fallback record, which may, has a sink of its own.
 */
import type { Logger } from './logger.ts'
import type { FallbackReason, Message, MessageStatus } from './message.ts'
import type { Metrics } from './metrics.ts'
import { maskPhoneNumber } from './phone-number.ts'

type MessageEnd = Extract<MessageStatus, 'delivered' | 'fallback' | 'expired' | 'canceled' | 'used'>

export function createEvents(options: { logger: Logger; metrics: Metrics; now?: () => number }) {
  const { logger, metrics, now = Date.now } = options
  const about = (message: Message) => ({
    messageId: message.id,
    app: message.app,
    to: maskPhoneNumber(message.to),
    ...(message.reference !== undefined && { reference: message.reference }),
  })

  return {
    messageAccepted(message: Message): void {
      metrics.accepted.inc({ app: message.app, type: message.type })
      logger.info({ event: 'message.accepted', type: message.type, ...about(message) }, 'message accepted')
    },

    messageSent(message: Message, durationMs: number): void {
      metrics.attempts.inc({ outcome: 'accepted' })
      metrics.toSent.observe((now() - message.acceptedAt) / 1000)
      // Not Meta's id: it holds the recipient's number in base64. The record has it.
      const facts = { attempts: message.attempts, durationMs: Math.round(durationMs) }
      logger.info({ event: 'message.sent', ...about(message), ...facts }, 'message sent')
    },

    /** An attempt that did not end the message: it is tried again, or waits, or is held for a receipt. */
    messageRetry(
      message: Message,
      retry: { step: string; delayMs: number; outcome: string; detail: string },
    ): void {
      metrics.attempts.inc({ outcome: retry.outcome })
      const { attempts } = message
      logger.warn({ event: 'message.retry', ...about(message), attempts, ...retry }, 'message not sent yet')
    },

    /** The last attempt before the fallback. */
    messageFailed(message: Message, failed: { outcome: string; detail: string; fbtraceId?: string }): void {
      metrics.attempts.inc({ outcome: failed.outcome })
      logger.warn({ event: 'message.failed', ...about(message), ...failed }, 'message failed')
    },

    /** It goes to the fallback queue; the record follows there. */
    fallbackDecided(message: Message, reason: FallbackReason): void {
      logger.warn(
        { event: 'message.fallback_decided', ...about(message), reason },
        'message goes to the fallback',
      )
    },

    messageExpired(message: Message): void {
      logger.warn({ event: 'message.expired', ...about(message) }, 'message expired')
    },

    messageReceipt(message: Message, receipt: { status: string; graphCode?: number; isNews: boolean }): void {
      if (receipt.isNews && receipt.status === 'delivered') {
        metrics.toDelivered.observe((now() - message.acceptedAt) / 1000)
      }
      logger.info({ event: 'message.receipt', ...about(message), ...receipt }, 'receipt')
    },

    /** Counted once for each message: by whoever moved it there. */
    messageEnded(end: MessageEnd, reason: FallbackReason | ''): void {
      metrics.ended.inc({ end, reason })
    },

    possibleDuplicate(message: Message): void {
      metrics.possibleDuplicates.inc()
      logger.warn({ event: 'message.possible_duplicate', ...about(message) }, 'sent again without knowing')
    },

    tokenRenewed(token: { version: number; expiresAt?: number | null }): void {
      metrics.renewals.inc({ outcome: 'renewed' })
      logger.info(
        { event: 'token.renewed', version: token.version, expiresAt: iso(token.expiresAt) },
        'token renewed',
      )
    },

    tokenRenewalFailed(failure: { error: string; graphCode?: number; fbtraceId?: string }): void {
      metrics.renewals.inc({ outcome: 'failed' })
      logger.error({ event: 'token.renewal_failed', ...failure }, 'token renewal failed')
    },

    tokenUpdated(token: {
      version: number
      expiresAt?: number | null
      source: string
      operator?: string
    }): void {
      const { version, source, operator } = token
      const facts = { version, source, operator, expiresAt: iso(token.expiresAt) }
      logger.info({ event: 'token.updated', ...facts }, 'token updated')
    },

    tokenInvalidated(token: { version: number }): void {
      logger.error({ event: 'token.invalidated', version: token.version }, 'Meta refused the access token')
    },

    tokenConfirmed(token: { version: number }): void {
      const facts = { event: 'token.confirmed', version: token.version }
      logger.warn(facts, 'the refused access token is valid after all: it is used again')
    },

    tokenExpiring(token: { version: number; expiresAt: number }): void {
      const facts = { version: token.version, expiresAt: iso(token.expiresAt) }
      logger.warn({ event: 'token.expiring', ...facts }, 'the access token is near its end')
    },
  }
}

export type Events = ReturnType<typeof createEvents>

function iso(time: number | null | undefined): string | null {
  return time === null || time === undefined ? null : new Date(time).toISOString()
}
