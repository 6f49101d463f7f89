/**
 * Use cases: verifications. Relais makes the code, has it sent like any other, and says whether what was typed is that code. What is promised,
 * and why: `verification.ts` of core, and docs/verification.md.
 *
 * The record of a verification comes to be in one step with its first message, so there is never a code on its way that cannot be checked, nor
 * one that can be checked without limit.
 */
import {
  CODE_LENGTHS,
  enqueueFallback,
  isSettled,
  isTest,
  makeCode,
  messageIdOf,
  newSeed,
  parsePhoneNumber,
  resendsLeft,
  RESEND_AFTER_MS,
  statusAt,
  testCodeOf,
  verificationIdOf,
  type AppCaller,
  type Events,
  type Message,
  type MessageJob,
  type MessageStore,
  type Replication,
  type Verification,
  type Verifications,
  type VerificationStatus,
} from '@relais/core'
import type { Queue } from 'bullmq'
import { setTimeout as sleep } from 'node:timers/promises'
import { worldOf, type AcceptMessages, type Submission } from './accept-messages.ts'
import type { EndByApp } from './end-by-app.ts'
import type { MessageRequest } from './new-message.ts'
import { ProblemError, queueUnavailable, refuseAsUnavailable } from './problem.ts'
import { within } from './within.ts'

/** Redis gets so long for the look before a start: with what an acceptance may take it is less than the second promised. */
const LOOK_WITHIN_MS = 200

/** What a right answer means for the messages is told to Redis again and again, until it has heard it. */
const TELL_AGAIN_MS = 500
const MOST_TELLS = 20

/** What an app asks for, already checked against the schema of the route. */
export type VerificationRequest = {
  to: string
  length?: number
  ttlSeconds?: number
  template?: string
  language?: string
  reference?: string
  sourceIp?: string
}

/** How a code is sent again: as one more message, or by having the operators help. */
export const RESEND_WAYS = ['whatsapp', 'fallback'] as const

export type ResendWay = (typeof RESEND_WAYS)[number]

/** A code that is on its way. Times are milliseconds since 1970; `resendAfterMs` counts from now, null: not any more. */
export type Started = {
  id: string
  messageId: string
  expiresAt: number
  resendAfterMs: number | null
  isRepeat: boolean
}

/** What is known of a verification. */
export type ShownVerification = Omit<Started, 'isRepeat'> & {
  status: VerificationStatus
  wrong: number
  resendsLeft: number
}

export type Checked = { isRepeat: boolean } & ({ valid: true } | { valid: false; attemptsLeft: number })

/** @param deps.replication asked before an answer is told: tries must not be forgotten by a Redis that takes over */
export function createVerify(deps: {
  verifications: Verifications
  acceptMessages: AcceptMessages
  endByApp: Pick<EndByApp, 'use' | 'drop'>
  store: Pick<MessageStore, 'read' | 'decideFallback'>
  fallbackQueue: Queue<MessageJob>
  replication: Replication
  events: Events
  now?: () => number
}) {
  const { verifications, acceptMessages, endByApp, store, fallbackQueue, replication, events } = deps
  const { now = Date.now } = deps

  return { start, check, resend, read }

  /**
   * Makes a code and has it sent. Refused like any message (see `accept-messages.ts`); and with a 429 where as many wrong answers in a row were
   * given for this recipient as may be.
   */
  async function start(
    caller: AppCaller,
    request: VerificationRequest,
    idempotency?: Submission['idempotency'],
  ): Promise<Started> {
    const { length = CODE_LENGTHS.usual, ...rest } = request
    // A number that is none is refused with the message.
    const to = parsePhoneNumber(request.to) ?? request.to
    if (!isTest(caller)) await requireTries(caller, to)
    const code = isTest(caller) ? testCodeOf(to, length) : makeCode(length)
    const verificationOf = (message: Message) => verifications.birthOf(message, worldOf(caller), code)
    const { message, isRepeat } = await send(
      { caller, verificationOf, ...(idempotency && { idempotency }) },
      { type: 'otp', code, ...rest },
    )
    const { id: messageId, expiresAt } = message
    return {
      id: verificationIdOf(messageId),
      messageId,
      expiresAt,
      resendAfterMs: RESEND_AFTER_MS[0],
      isRepeat,
    }
  }

  /**
   * Says whether this is the code. Throws a 404 for a verification that is not there or is another app's, a 410 for one that is over.
   *
   * @param repeat see `Verifications.check`
   */
  async function check(caller: AppCaller, id: string, guess: string, repeat?: string): Promise<Checked> {
    const ask = { id, world: worldOf(caller), guess, ...(repeat !== undefined && { repeat }) }
    const result = await verifications.check(ask).catch(refuseAsUnavailable)
    if (result.kind === 'none') throw notFound()
    if (!(await replication.isReached().catch(refuseAsUnavailable))) {
      throw queueUnavailable(new Error('too few replicas have the answer'))
    }
    switch (result.kind) {
      case 'ended':
        throw over()
      case 'right':
        if (!result.isRepeat) events.verificationEnded({ id, app: caller.name }, 'verified')
        await tellMessages(result.messageIds, (messageId) => endByApp.use(caller, messageId))
        return { valid: true, isRepeat: result.isRepeat }
      case 'wrong': {
        const { attemptsLeft, isRepeat, messageIds } = result
        if (attemptsLeft === 0) {
          if (!isRepeat) events.verificationEnded({ id, app: caller.name }, 'guessed')
          await tellMessages(messageIds, (messageId) => endByApp.drop(messageId, 'too many wrong codes'))
        }
        return { valid: false, attemptsLeft, isRepeat }
      }
    }
  }

  /**
   * Sends the code again, until the same deadline. Throws a 404, a 410 when it is over, a 429 when it is too soon, and what a message can be
   * refused with; then it does not count. By the fallback: a 409 when the message has been delivered.
   */
  async function resend(
    caller: AppCaller,
    id: string,
    how: { via: ResendWay; sourceIp?: string; repeat?: string },
  ): Promise<Started> {
    const { via, sourceIp, repeat } = how
    const seed = newSeed()
    const reserved = await verifications
      .reserveResend({
        id,
        world: worldOf(caller),
        seed,
        ...(via === 'whatsapp' && { messageId: messageIdOf(seed, 0) }),
        ...(repeat !== undefined && { repeat: `${via}\n${repeat}` }),
      })
      .catch(refuseAsUnavailable)
    switch (reserved.kind) {
      case 'none':
        throw notFound()
      case 'ended':
        throw over()
      case 'too-soon':
        throw tooSoon(reserved.waitMs)
      case 'reserved':
      case 'repeat':
    }
    const { before } = reserved
    const isRepeat = reserved.kind === 'repeat'
    try {
      const messageId =
        via === 'fallback'
          ? await giveToOperators(before)
          : await sendAgain(caller, { before, seed: reserved.seed, sourceIp })
      const resends = isRepeat ? before.resends : before.resends + 1
      return {
        id,
        messageId,
        expiresAt: before.expiresAt,
        resendAfterMs: RESEND_AFTER_MS[resends] ?? null,
        isRepeat,
      }
    } catch (error) {
      if (!isRepeat) await verifications.giveBack(reserved.seed, before).catch(() => undefined)
      throw error
    }
  }

  /** What is known of it, but its code. Throws a 404. */
  async function read(caller: AppCaller, id: string): Promise<ShownVerification> {
    const verification = await verifications.read(id).catch(refuseAsUnavailable)
    if (verification?.world !== worldOf(caller)) throw notFound()
    const messages = await Promise.all(verification.messageIds.map((each) => store.read(each))).catch(
      refuseAsUnavailable,
    )
    const { messageIds, wrong, expiresAt, resendAt } = verification
    const isVoid = messages.some((message) => message && isEndedByApp(message))
    const status = statusAt(verification, now())
    const left = resendsLeft(verification)
    return {
      id,
      status: status === 'pending' && isVoid ? 'ended' : status,
      wrong,
      messageId: messageIds.at(-1) ?? '',
      expiresAt,
      resendsLeft: left,
      resendAfterMs: left === 0 ? null : Math.max(0, resendAt - now()),
    }
  }

  async function requireTries({ name }: AppCaller, to: string): Promise<void> {
    const waitMs = await within(LOOK_WITHIN_MS, () => verifications.untilStart(name, to))
    if (waitMs === 0) return
    const retryAfterSeconds = Math.ceil(waitMs / 1000)
    const detail = `There were too many wrong codes for this recipient. Try again in ${retryAfterSeconds} s.`
    throw new ProblemError(429, 'recipient_limited', detail, { retryAfterSeconds })
  }

  async function send(
    how: Omit<Submission, 'requests'>,
    request: MessageRequest,
  ): Promise<{ message: Message; isRepeat: boolean }> {
    const { isRepeat, results } = await acceptMessages({ ...how, requests: [request] })
    const [message] = results
    if (message instanceof ProblemError) throw message
    if (!message) throw new RangeError('a request without a result')
    return { message, isRepeat }
  }

  async function sendAgain(
    caller: AppCaller,
    { before, seed, sourceIp }: { before: Verification; seed: string; sourceIp: string | undefined },
  ): Promise<string> {
    const { id, messageIds, expiresAt } = before
    const again = messageIdOf(seed, 0)
    const [code, first, earlier] = await Promise.all([
      verifications.codeOf(id),
      store.read(messageIds[0] ?? ''),
      store.read(again),
    ]).catch(refuseAsUnavailable)
    if (earlier) return again
    if (code === undefined || !first) throw over()
    const { to, template, language, reference } = first
    const request: MessageRequest = {
      type: 'otp',
      code,
      to,
      expiresAt,
      ...(template !== undefined && { template }),
      ...(language !== undefined && { language }),
      ...(reference !== undefined && { reference }),
      ...(sourceIp !== undefined && { sourceIp }),
    }
    const { message } = await send({ caller, seed }, request)
    // It may have ended since its code was read: then that is nothing to send any more.
    const after = await verifications.read(id).catch(refuseAsUnavailable)
    if (after?.status === 'pending') return message.id
    await endByApp.drop(message.id, 'its verification has ended')
    throw over()
  }

  /**
   * WhatsApp is silent: the last message goes to the operators now, rather than when its time is up. If it is there already, or on its way there,
   * that is all right. Should this process die after the decision, the sweep brings it to the queue.
   */
  async function giveToOperators({ messageIds }: Verification): Promise<string> {
    const id = messageIds.at(-1) ?? ''
    const why = { reason: 'undelivered', detail: 'the app asked for the fallback' } as const
    const { moved, message } = await store.decideFallback(id, why).catch(refuseAsUnavailable)
    if (!message) throw over()
    if (message.status === 'fallback') return id
    if (isSettled(message.status)) throw notSilent()
    await enqueueFallback(fallbackQueue, message).catch(refuseAsUnavailable)
    if (moved) events.fallbackDecided(message, why.reason)
    return id
  }

  /**
   * What an answer means for the messages of its verification. The app has its answer all the same: what Redis does not take now it is told
   * again, and what is lost with this process leaves a message that ends by itself, with a code that is over.
   */
  async function tellMessages(ids: string[], tell: (id: string) => Promise<unknown>): Promise<void> {
    const isTold = await Promise.all(ids.map((id) => isToldOf(id, tell)))
    const left = ids.filter((_id, i) => !isTold[i])
    if (left.length > 0) void tellAgain(left, tell)
  }

  async function tellAgain(ids: string[], tell: (id: string) => Promise<unknown>): Promise<void> {
    let left = ids
    for (let times = 1; times <= MOST_TELLS && left.length > 0; times += 1) {
      await sleep(TELL_AGAIN_MS, undefined, { ref: false })
      const isTold = await Promise.all(left.map((id) => isToldOf(id, tell)))
      left = left.filter((_id, i) => !isTold[i])
    }
  }
}

export type Verify = ReturnType<typeof createVerify>

/** A message that has ended before, or is gone, needs no telling. */
async function isToldOf(id: string, tell: (id: string) => Promise<unknown>): Promise<boolean> {
  try {
    await tell(id)
    return true
  } catch (error) {
    return error instanceof ProblemError && error.statusCode < 500
  }
}

function isEndedByApp({ status, usedAt }: Message): boolean {
  return status === 'used' || status === 'canceled' || usedAt !== undefined
}

function notFound(): ProblemError {
  const detail = 'There is no such verification. Records are kept an hour after the deadline.'
  return new ProblemError(404, 'not_found', detail)
}

/** Why, is nobody's business but that of who knows it already. */
function over(): ProblemError {
  return new ProblemError(410, 'verification_ended', 'This verification is over. Start a new one.')
}

function tooSoon(waitMs: number): ProblemError {
  const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000))
  const detail = `The code is not sent again before ${retryAfterSeconds} s have passed.`
  return new ProblemError(429, 'resend_too_soon', detail, { retryAfterSeconds })
}

function notSilent(): ProblemError {
  const detail =
    'WhatsApp has delivered the code: the fallback is for those it does not reach. Resend without via.'
  return new ProblemError(409, 'already_ended', detail)
}
