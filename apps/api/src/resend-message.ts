/**
 * Use case: an operator has a code sent again: the same code, with the deadline that it had, as a message of its own. It goes past the limits of the
 * door, which are there for apps, and takes its turn like any other.
 *
 *     may it? ─► mark (once for each message) ─► record and job of the copy ─► replicas ─► answer
 *
 * Each step can be made again without harm. Whoever asks a second time gets the copy that there is, or makes the one that is missing.
 */
import {
  messageIdOf,
  newSeed,
  openContent,
  sealContent,
  whyNotResent,
  type Acceptance,
  type Audit,
  type Events,
  type Message,
  type MessageContent,
  type MessageStore,
  type Replication,
  type Resends,
  type Sealer,
} from '@relais/core'
import type { Capacity } from './capacity.ts'
import { noSuchMessage } from './end-by-app.ts'
import { stateOf } from './look-at-message.ts'
import { ProblemError, queueUnavailable, refuseAsUnavailable } from './problem.ts'

export function createResendMessage(deps: {
  store: Pick<MessageStore, 'read' | 'readContent' | 'move'>
  resends: Resends
  acceptance: Acceptance
  capacity: Pick<Capacity, 'requireSafety'>
  replication: Replication
  sealer: Sealer
  audit: Pick<Audit, 'note'>
  events: Events
  now?: () => number
}) {
  const { store, resends, acceptance, capacity, replication, sealer, audit, events, now = Date.now } = deps

  /**
   * Answers the copy; `isRepeat`: it was there before. Throws a 404, a 409 `resend_not_possible` that says why and what to do instead, or a 503, after which
   * the same may be asked again.
   */
  return async (id: string, operator: string): Promise<{ copy: Message; isRepeat: boolean }> => {
    const beganAt = performance.now()
    const message = await store.read(id).catch(refuseAsUnavailable)
    if (!message) throw noSuchMessage()
    const known = message.resentAs === undefined ? undefined : await readCopy(message.resentAs)
    if (known) return { copy: known, isRepeat: true }
    const content = await contentOf(message)
    capacity.requireSafety()
    const copyId = await mark(id)
    const accepted = await acceptCopy(message, copyId, content)
    if (accepted.kind === 'new') {
      audit.note({
        actor: `operator:${operator}`,
        action: 'message.resent',
        subject: id,
        detail: { app: message.app, as: copyId },
      })
      events.messageAccepted(accepted.message, performance.now() - beganAt)
      events.messageResent(message, accepted.message, operator)
    }
    await forgetIfUsed(id, copyId)
    return { copy: accepted.message, isRepeat: accepted.kind !== 'new' }
  }

  function readCopy(copyId: string): Promise<Message | undefined> {
    return store.read(copyId).catch(refuseAsUnavailable)
  }

  /** What the message says. Throws a 409 if it cannot be sent again. One that is marked has no copy: whoever marked it did not come to that. */
  async function contentOf({ resentAs: _mark, ...message }: Message): Promise<MessageContent> {
    const { id } = message
    const sealed = await store.readContent(id).catch(refuseAsUnavailable)
    const why = whyNotResent(message, { content: stateOf(sealer, id, sealed), now: now() })
    const content = openContent(sealer, id, sealed)
    if (why !== undefined || !content) throw notPossible(why)
    return content
  }

  async function mark(id: string): Promise<string> {
    const marked = await resends.mark(id, messageIdOf(newSeed(), 0)).catch(refuseAsUnavailable)
    if (marked) return marked.copyId
    // It has moved on since it was looked at.
    const latest = await store.read(id).catch(refuseAsUnavailable)
    throw notPossible(latest && whyNotResent(latest, { content: 'gone', now: now() }))
  }

  async function acceptCopy(message: Message, copyId: string, content: MessageContent) {
    const { app, type, to, template, language, reference, expiresAt, deliverWithinSeconds } = message
    const acceptedAt = now()
    const copy: Message = {
      id: copyId,
      app,
      type,
      to,
      ...(template !== undefined && { template }),
      ...(language !== undefined && { language }),
      ...(reference !== undefined && { reference }),
      ...(deliverWithinSeconds !== undefined && { deliverWithinSeconds }),
      status: 'queued',
      attempts: 0,
      claims: 0,
      waits: 0,
      acceptedAt,
      expiresAt,
      resendOf: message.id,
      timeline: [{ status: 'queued', at: acceptedAt, detail: `sent again for ${message.id}` }],
    }
    const accepted = await acceptance
      .accept(copy, sealContent(sealer, copyId, content))
      .catch(refuseAsUnavailable)
    if (accepted.kind === 'not-let-in') throw new TypeError('a copy does not come by the door')
    const isKept = await replication.isReached().catch(refuseAsUnavailable)
    if (!isKept) throw queueUnavailable(new Error('too few replicas have the message'))
    return accepted
  }

  /** The person may have typed the code in between: then the app has told so of the one message that it knows. */
  async function forgetIfUsed(id: string, copyId: string): Promise<void> {
    const latest = await store.read(id).catch(refuseAsUnavailable)
    if (latest?.status !== 'used' && latest?.usedAt === undefined) return
    await store.move(copyId, { to: 'used', detail: 'the code was used' }).catch(refuseAsUnavailable)
  }
}

export type ResendMessage = ReturnType<typeof createResendMessage>

function notPossible(why = 'It has just moved on: look at it again.'): ProblemError {
  return new ProblemError(409, 'resend_not_possible', why)
}
