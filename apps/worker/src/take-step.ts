/**
 * Carries out what follows from an attempt: the moves of the message, and what becomes of its job. The steps themselves are decided
 * in `next-step.ts`.
 */
import {
  ACCEPTED_BY_META,
  isSettled,
  refusalDetail,
  waitMs,
  type Attempt,
  type Events,
  type FallbackReason,
  type Message,
  type MessageStore,
  type Move,
  type Outcome,
  type PacedSender,
  type Pacing,
  type PairBudget,
  type Step,
} from '@relais/core'
import { noted, type EndMessage } from './end-message.ts'

/** What becomes of the job that brought the message. */
export type Delivery =
  /** Nothing is left to do for it. */
  | { kind: 'done' }
  /** Bring it again. */
  | { kind: 'later'; delayMs: number }
  /** The fallback queue has it. */
  | { kind: 'fell-back'; reason: FallbackReason }

/** What came of an attempt, and what is known of its way there: see `Attempt`. */
export type Tried = { outcome: Outcome; durationMs: number } & Pick<
  Attempt,
  'slotMs' | 'callMs' | 'tokenVersion'
>

export const DONE: Delivery = { kind: 'done' }

/** A move that was refused without a reason is looked at again after this. */
const LOOK_AGAIN_MS = 1000

/** The moves after an attempt, and those that need none: giving a message to the fallback, or to its deadline. */
export function createStepTaker(deps: {
  sender: PacedSender
  store: MessageStore
  pacing: Pacing
  pairBudget: PairBudget
  end: EndMessage
  events: Events
}) {
  const { sender, store, pacing, pairBudget, end, events } = deps
  return { take, noteLimit, fallBack, expire, afterRefusal }

  /** Carries a step out. */
  async function take(step: Step, tried: Tried, message: Message): Promise<Delivery> {
    const attempt = attemptOf(step, tried)
    const detail = answerOf(tried.outcome)
    const { id, claims, attempts, waits } = message
    switch (step.kind) {
      case 'sent': {
        const set = { providerMessageId: step.providerMessageId, ...(waits > 0 && { waits: 0 }) }
        const beganAt = performance.now()
        const sent = await noted(() => store.move(id, { to: 'sent', claims, set, detail, isBrief: true }))
        events.messageSent(message, { ...attempt, noteMs: performance.now() - beganAt })
        return sent.moved && !sent.message ? DONE : afterRefusal(sent.message)
      }
      case 'retry':
        return again(message, step.delayMs, attempt, {
          to: 'queued',
          set: { waits: 0 },
          detail: `${detail}; next try in ${step.delayMs} ms`,
        })
      case 'wait': {
        const set = { attempts: attempts - 1, waits: waits + 1 }
        const waiting = `${detail}; waiting ${step.delayMs} ms`
        return again(message, step.delayMs, attempt, { to: 'queued', set, detail: waiting })
      }
      case 'hold':
        return again(message, step.delayMs, attempt, {
          to: 'uncertain',
          detail: `${detail}; waiting for a receipt`,
        })
      case 'fall-back':
        events.messageFailed(message, attempt)
        return fallBack(message, step.reason, detail)
    }
  }

  /** "Too fast" holds for all that this sender sends, or for all that it sends to this recipient. */
  async function noteLimit(outcome: Outcome, message: Message, durationMs: number): Promise<void> {
    if (outcome.kind !== 'failed') return
    const { failure, detail } = outcome
    if (failure === 'rate-limited-pair') await pairBudget.close(message.to, waitMs(failure, message.waits))
    if (failure !== 'rate-limited-sender') return
    const slower = await pacing.slowDown(sender, { sentMsAgo: durationMs, reason: detail })
    if (slower) events.senderSlowedDown({ reason: detail, ...slower })
  }

  /** Moves a message that was not sent, or perhaps not, and has its job brought again. */
  async function again(
    message: Message,
    delayMs: number,
    attempt: Attempt,
    move: Pick<Move, 'to' | 'set' | 'detail'>,
  ): Promise<Delivery> {
    const { id, claims } = message
    const beganAt = performance.now()
    const result = await noted(() => store.move(id, { ...move, claims, unlessFallingBack: true }))
    const noteMs = performance.now() - beganAt
    if (!result.moved) {
      events.messageRetry(message, { ...attempt, noteMs, nextStep: 'none', delayMs: undefined })
      return afterRefusal(result.message)
    }
    events.messageRetry(message, { ...attempt, noteMs })
    return { kind: 'later', delayMs }
  }

  /**
   * A move was refused. Mostly a receipt or another worker was faster and all is well. But the answer to a move that was done
   * may have been lost and the move repeated: then nobody else has the message, and its job must not end here.
   */
  async function afterRefusal(latest: Message | undefined): Promise<Delivery> {
    if (!latest || isSettled(latest.status)) return DONE
    if (latest.reason) return fallBack(latest, latest.reason, latest.reasonDetail ?? '')
    return latest.status === 'sent' ? DONE : { kind: 'later', delayMs: LOOK_AGAIN_MS }
  }

  /** Decides, then puts it on the queue of the fallback, and only then lets go of the job. */
  async function fallBack(message: Message, reason: FallbackReason, detail: string): Promise<Delivery> {
    const { reason: final, decided } = await end.fallBack(message, { reason, detail, claims: message.claims })
    return final ? { kind: 'fell-back', reason: final } : afterRefusal(decided.message)
  }

  async function expire(message: Message): Promise<Delivery> {
    await end.expire(message)
    return DONE
  }
}

/** What came of an attempt, for the timeline. */
function answerOf(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'accepted':
      return ACCEPTED_BY_META
    case 'failed':
      return refusalDetail(outcome)
    case 'unsent':
    case 'ambiguous':
      return outcome.detail
  }
}

function attemptOf(step: Step, { outcome, ...way }: Tried): Attempt {
  const failed = outcome.kind === 'failed' ? outcome : undefined
  return {
    ...way,
    outcome: failed?.failure ?? outcome.kind,
    detail: outcome.kind === 'accepted' ? ACCEPTED_BY_META : outcome.detail,
    graphCode: failed?.graphCode,
    fbtraceId: failed?.fbtraceId,
    nextStep: step.kind,
    delayMs: 'delayMs' in step ? step.delayMs : undefined,
  }
}
