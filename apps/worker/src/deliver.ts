/**
 * Use case: one attempt at one message.
 *
 *     token? does Meta answer? ─► claim (one step: see `claims.ts`) ─► open ─► slot ─► send ─► next step ─► move
 *
 * The claim (`queued` -> `sending`) is the point of no return: whoever finds a message there later knows that Meta may
 * have it. What kills this process before the claim leaves a queued message, what kills it after leaves an uncertain
 * one; the job comes back to another worker in both cases.
 *
 * While nothing is wrong the claim is the first that is heard of a message. Where something is in its way (no token, a pause, an outage)
 * its record is read first, because what follows depends on it.
 */
import {
  afterUncertain,
  fallBackAt,
  isSettled,
  isWaitNoted,
  nextStep,
  openContent,
  reasonForWaiting,
  sendUntil,
  type Ask,
  type Claims,
  type Events,
  type FallbackReason,
  type GraphClient,
  type Message,
  type MessageContent,
  type MessageStore,
  type Outcome,
  type PacedSender,
  type Pacing,
  type PairBudget,
  type Pauses,
  type Replication,
  type Sealer,
  type Sender,
  type Span,
  type SpanFacts,
  type StepPolicy,
  type WaitKind,
  type Tracing,
} from '@relais/core'
import type { CircuitBreaker } from './circuit-breaker.ts'
import { createClaimAge, type ClaimAge } from './claim-age.ts'
import type { EndMessage } from './end-message.ts'
import { beginPause, templateOf } from './pause.ts'
import type { DeliverTest } from './deliver-test.ts'
import { createStepTaker, DONE, type Delivery, type Tried } from './take-step.ts'
import { createTurns, type ClaimTurn, type NoTurn, type Slot } from './turns.ts'

/**
 * Without a token some messages wait for it in the worker's hands and go the moment it is there. The others come back after a tenth
 * of their age, within these bounds: soon, but not all of them at once.
 */
const TOKEN_WAIT_MS = { inHand: 2000, least: 500, most: 2000 }

/** While Meta does not answer, messages wait in the worker's hands for so long; then they come back, here or at a worker with a better way. */
const OUTAGE_WAIT_MS = { inHand: 2000, away: 500 }

/** A claim is used at once or not at all: later, another worker may have taken the message for lost. */
const CLAIM_GOOD_FOR_MS = 5000

/** This process stops: another takes the message at once. */
const GIVEN_BACK: Delivery = { kind: 'later', delayMs: 0 }

const NOT_SENT: Sent = {
  outcome: { kind: 'failed', failure: 'transient', detail: 'not sent: Redis was away in between' },
}

/**
 * @param deps.mostSends so many sends may be in flight
 * @param deps.mostInHand so many messages may wait for a token without giving their place to others
 * @param deps.random draws a number from 0 to 1
 * @param deps.stopping aborted when the process is asked to stop: nothing is claimed any more, messages that wait are given back
 */
export function createDeliver(deps: {
  sender: PacedSender & Pick<Sender, 'accessToken'>
  store: MessageStore
  sealer: Sealer
  graph: Pick<GraphClient, 'send'>
  pacing: Pacing
  claims: Claims
  pairBudget: PairBudget
  pauses: Pauses
  replication: Replication
  breaker: CircuitBreaker
  end: EndMessage
  deliverTest: DeliverTest
  events: Events
  policy: StepPolicy
  onUncertain: 'resend' | 'fallback'
  mostSends: number
  mostInHand: number
  stopping: AbortSignal
  onError: (error: Error) => void
  tracing?: Tracing | undefined
  now?: () => number
  random?: () => number
}) {
  const { sender, store, sealer, graph, pauses, breaker, events, policy, tracing } = deps
  const { now = Date.now, random = Math.random } = deps
  const { accessToken } = sender
  const { take, noteLimit, fallBack, expire } = createStepTaker(deps)
  const turns = createTurns({ ...deps, isInTheWay, leftMs: leftFor, now })
  let inHand = 0

  /** @param priority its place among those that wait for their turn here: the lowest number goes first */
  return async (messageId: string, priority = 0): Promise<Delivery> => {
    const isClear = !breaker.isOpen() && !(await pauses.areOn()) && (await accessToken.isAvailable())
    const turn = isClear && (await turns.claim({ id: messageId, from: 'queued', priority }))
    if (!turn || turn.kind === 'in-the-way') return consider(await store.read(messageId), priority)
    return onTurn(turn, messageId, priority)
  }

  /** As far as this process knows: an outage, or a pause. */
  function isInTheWay(): boolean {
    return breaker.isOpen() || pauses.areKnown()
  }

  async function consider(message: Message | undefined, priority: number): Promise<Delivery> {
    if (message?.isTest && !message.reason) return deps.deliverTest(message)
    if (!message || isSettled(message.status)) return DONE
    if (message.reason) return fallBack(message, message.reason, message.reasonDetail ?? '')
    if (message.status === 'sent') return DONE
    if (message.status === 'queued' && now() >= message.expiresAt) return expire(message)
    switch (message.status) {
      case 'queued':
        return attempt(message, priority)
      case 'sending':
        return suspect(message)
      case 'uncertain':
        return settle(message, priority)
    }
  }

  /** What is in the way of a message, one after the other; and then the claim. */
  async function attempt(message: Message, priority: number): Promise<Delivery> {
    if (now() >= sendUntil(message)) {
      const reason = message.attempts > 0 ? 'provider_unavailable' : 'worker_lost'
      return giveUp(message, reason, 'its turn came too late')
    }
    const paused = await pauses.check(templateOf(message))
    if (paused) return giveUp(message, paused.reason, paused.detail)
    if (!(await accessToken.isAvailable())) return waitForToken(message, priority)
    if (breaker.isOpen()) await noteWait(message, 'outage')
    const tryWithinMs = Math.min(OUTAGE_WAIT_MS.inHand, leftFor(message))
    const isWorthTrying = await breaker.untilWorthTrying(tryWithinMs)
    if (!isWorthTrying) return waitForAnswers(message)
    const turn = await turns.slot(priority, leftFor(message))
    return turn.kind === 'slot' ? claimAt(turn.slot, message, priority) : noTurn(turn, message.id, message)
  }

  /** The slot is there. What lets one message through and not the others is asked now: it must not be wasted on one that does not go. */
  async function claimAt(slot: Slot, message: Message, priority: number): Promise<Delivery> {
    const reason = await insteadOfClaim(message)
    if (reason) {
      turns.giveBack(slot)
      return reason()
    }
    const { id, status, claims: known } = message
    const age = createClaimAge(now)
    const from = status === 'uncertain' ? status : 'queued'
    const ask: Ask = { kind: 'message', id, from, claims: known, priority, hasSlot: true }
    const [answer] = (await deps.claims.take(sender, [ask])).answers
    if (answer?.kind === 'claimed') {
      if (from === 'uncertain') events.possibleDuplicate(message)
      return onTurn({ ...answer, slot, age }, id, priority)
    }
    turns.giveBack(slot)
    // Only a slot comes later, and it has one.
    if (!answer || answer.kind === 'slot' || answer.kind === 'later') return GIVEN_BACK
    return onTurn(answer, id, priority)
  }

  /** What follows instead of the claim, if anything. */
  async function insteadOfClaim(message: Message): Promise<(() => Promise<Delivery>) | undefined> {
    if (deps.stopping.aborted) return async () => GIVEN_BACK
    if (!breaker.mayEnter()) return () => waitForAnswers(message)
    const paused = await pauses.check(templateOf(message), 'as a probe')
    return paused && (() => giveUp(message, paused.reason, paused.detail))
  }

  async function onTurn(turn: ClaimTurn, id: string, priority: number): Promise<Delivery> {
    switch (turn.kind) {
      case 'claimed':
        return sendAt(turn)
      case 'refused':
        return consider(turn.message, priority)
      case 'empty':
        return withoutContent(turn.message)
      case 'paired':
        return turn.message
          ? waitFor('pair', turn.message, turn.waitMs, 'rate_limited', 'too many to this recipient')
          : DONE
      default:
        return noTurn(turn, id, turn.message)
    }
  }

  async function noTurn(turn: NoTurn, id: string, message: Message | undefined): Promise<Delivery> {
    switch (turn.kind) {
      case 'stopping':
      case 'in-the-way':
        return GIVEN_BACK
      case 'far':
        // Of one that was not asked for nothing is known yet; if its moment comes meanwhile the sweep sees to it.
        if (!message) {
          await begins(id, 'pace')
          return { kind: 'later', delayMs: Math.ceil(turn.waitMs) }
        }
        return waitFor('pace', message, turn.waitMs, 'rate_limited', 'Meta has the sender slow down')
      case 'out-of-time':
        if (!message) return GIVEN_BACK
        if (breaker.isOpen()) return waitForAnswers(message)
        return giveUp(message, 'rate_limited', 'its turn did not come in time')
    }
  }

  async function sendAt(claimed: Claimed): Promise<Delivery> {
    const sent = await sendInTurn(claimed).finally(turns.over)
    if (!sent) return withoutContent(claimed.message)
    return follow(claimed.message, { ...sent, durationMs: claimed.age.ms() })
  }

  /** All that goes before the send is done by the time its slot comes. Undefined: the content does not open. */
  async function sendInTurn({ message, sealedContent, slot, age }: Claimed): Promise<Sent | undefined> {
    const beganAt = performance.now()
    const content = openContent(sealer, message.id, sealedContent)
    if (!content) return undefined
    // A replica that takes over without the claim would have the message sent again. One that is away must not stop the sending.
    const known = deps.replication.isReached().catch(() => false)
    const isItsTurn = await turns.comes(slot).then(
      () => true,
      () => false,
    )
    await known
    const slotMs = performance.now() - beganAt
    return { slotMs, ...(isItsTurn ? await send(message, content, age) : NOT_SENT) }
  }

  /** How long a message may still wait before it has to be given up. */
  function leftFor(message: Message): number {
    return fallBackAt(message, policy.deliverWithinMs) - now()
  }

  /** For a message that may be with Meta already, that is what its reader has to know. */
  function giveUp(message: Message, reason: FallbackReason, detail: string): Promise<Delivery> {
    return fallBack(message, message.status === 'uncertain' ? 'outcome_unknown' : reason, detail)
  }

  /** Another worker claimed it and did not finish: it died, or is cut off. Meta may have the message. */
  async function suspect(message: Message): Promise<Delivery> {
    const since = message.timeline.findLast((entry) => entry.status === 'sending')?.at ?? message.acceptedAt
    const leftMs = since + policy.sendingMs - now()
    if (leftMs > 0) return { kind: 'later', delayMs: leftMs }
    const { moved } = await store.move(message.id, {
      to: 'uncertain',
      from: ['sending'],
      claims: message.claims,
      unlessFallingBack: true,
      detail: 'its worker was lost during the send; waiting for a receipt',
    })
    return { kind: 'later', delayMs: moved ? policy.uncertainWaitMs : 0 }
  }

  /** An uncertain send whose receipt had its time. */
  async function settle(message: Message, priority: number): Promise<Delivery> {
    const since = message.timeline.findLast((entry) => entry.status === 'uncertain')?.at ?? message.acceptedAt
    const leftMs = since + policy.uncertainWaitMs - now()
    if (leftMs > 0) return { kind: 'later', delayMs: leftMs }
    const step = afterUncertain({ message, now: now(), policy, onUncertain: deps.onUncertain })
    if (step.kind === 'resend') return attempt(message, priority)
    return fallBack(message, step.reason, 'no receipt told whether Meta had taken it')
  }

  async function send(message: Message, content: MessageContent, age: ClaimAge): Promise<Sent> {
    const sent = await accessToken.withAccessToken(async (bearer, tokenVersion) => {
      // Redis may have kept us waiting for as long as it was away: for the claim, or for the token.
      const isStale = age.mostMs() > CLAIM_GOOD_FOR_MS || now() >= sendUntil(message)
      if (isStale) return NOT_SENT
      const span = tracing && beginSend(tracing, message, tokenVersion)
      const beganAt = performance.now()
      const outcome = await graph.send(sender.phoneNumberId, bearer, message, content)
      breaker.note(outcome)
      span?.end(factsOf(outcome), outcome.kind !== 'accepted')
      return { outcome, callMs: performance.now() - beganAt, tokenVersion }
    }, refusedToken)
    const outcome = { kind: 'failed', failure: 'token-expired', detail: 'no usable access token' } as const
    return sent ?? { outcome }
  }

  /** First the message is noted; what its outcome means for others comes after, and must not undo that. */
  async function follow(message: Message, tried: Tried): Promise<Delivery> {
    const { outcome, durationMs } = tried
    const step = nextStep(outcome, { message, now: now(), policy, random: random() })
    const delivery = await take(step, tried, message)
    await notePause(message, outcome).catch(deps.onError)
    await noteLimit(outcome, message, durationMs).catch(deps.onError)
    return delivery
  }

  /** What Meta says of one message may hold for all that would follow, or tell that this is over. */
  async function notePause(message: Message, outcome: Outcome): Promise<void> {
    const template = templateOf(message)
    if (outcome.kind === 'accepted') {
      await pauses.end('sender')
      if (template) await pauses.end(template)
    } else if (outcome.kind === 'failed') {
      await beginPause(pauses, outcome, template)
    }
  }

  async function waitForToken(message: Message, priority: number): Promise<Delivery> {
    await noteWait(message, 'token')
    if (inHand < deps.mostInHand && (await tokenComes(message))) return attempt(message, priority)
    if (deps.stopping.aborted) return GIVEN_BACK
    const ageMs = now() - message.acceptedAt
    const waitMs = Math.min(TOKEN_WAIT_MS.most, Math.max(TOKEN_WAIT_MS.least, ageMs / 10))
    return waitFor('token', message, waitMs, reasonForWaiting('token-expired'), 'no usable access token')
  }

  /** Waits for a token, not longer than the message can. */
  async function tokenComes(message: Message): Promise<boolean> {
    const leftMs = leftFor(message)
    inHand += 1
    try {
      return await accessToken.untilAvailable(Math.min(TOKEN_WAIT_MS.inHand, leftMs), deps.stopping)
    } finally {
      inHand -= 1
    }
  }

  function waitForAnswers(message: Message): Promise<Delivery> {
    return waitFor('outage', message, OUTAGE_WAIT_MS.away, 'provider_unavailable', 'Meta does not answer')
  }

  /** A wait before the claim costs no attempt and leaves no trace but a line in the timeline. */
  async function waitFor(
    kind: WaitKind,
    message: Message,
    waitMs: number,
    reason: FallbackReason,
    detail: string,
  ): Promise<Delivery> {
    const leftMs = leftFor(message)
    if (waitMs >= leftMs) return giveUp(message, reason, detail)
    await noteWait(message, kind)
    return { kind: 'later', delayMs: Math.ceil(Math.min(waitMs * (1 + random() / 2), leftMs - 1)) }
  }

  /**
   * For those who ask later where the time went; a fault in noting it is no reason not to send. Not of an uncertain message: since when it is that, and
   * how often it was, is read from its timeline.
   */
  async function noteWait(message: Message, kind: WaitKind): Promise<void> {
    if (message.status === 'queued' && !isWaitNoted(message.timeline, kind)) await begins(message.id, kind)
  }

  async function begins(id: string, kind: WaitKind): Promise<void> {
    const isNew = await store.noteWait(id, kind).catch(deps.onError)
    if (isNew) events.messageWaits(kind)
  }

  /** Erased because it was settled or expired meanwhile; or sealed under a key that is gone, which nobody here can mend. */
  async function withoutContent(message: Message | undefined): Promise<Delivery> {
    if (!message || isSettled(message.status)) return DONE
    if (message.status === 'queued' && now() >= message.expiresAt) return expire(message)
    return giveUp(
      message,
      'request_rejected',
      'its content cannot be opened: was a key taken from ENCRYPTION_KEYS?',
    )
  }
}

export type Deliver = ReturnType<typeof createDeliver>

type Claimed = Extract<ClaimTurn, { kind: 'claimed' }>

type Sent = Omit<Tried, 'durationMs'>

/** Meta's words, if it refused the token itself. */
function refusedToken({ outcome }: Sent): string | undefined {
  return outcome.kind === 'failed' && outcome.failure === 'token-expired' ? outcome.detail : undefined
}

/** The call to Meta, in the trace of its message; undefined if that has none. */
function beginSend(tracing: Tracing, message: Message, tokenVersion: number): Span | undefined {
  const parent = tracing.current() ?? message.trace
  return parent === undefined
    ? undefined
    : tracing.begin('send to Meta', {
        kind: 'client',
        parent,
        facts: {
          'relais.message_id': message.id,
          'relais.attempt': message.attempts,
          'relais.token_version': tokenVersion,
        },
      })
}

function factsOf(outcome: Outcome): SpanFacts {
  if (outcome.kind !== 'failed') return { 'relais.outcome': outcome.kind }
  const { failure, graphCode, fbtraceId } = outcome
  return {
    'relais.outcome': failure,
    ...(graphCode !== undefined && { 'relais.graph_code': graphCode }),
    ...(fbtraceId !== undefined && { 'relais.fbtrace_id': fbtraceId }),
  }
}
