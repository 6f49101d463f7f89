/** Use cases: a message is ended by hand. Its app, or an operator, takes it back before it is sent; or its app tells that the code was used. */
import {
  isTest,
  type AppCaller,
  type Audit,
  type Events,
  type Message,
  type MessageStatus,
  type MessageStore,
  type OperatorCaller,
  type PumpingGuard,
} from '@relais/core'
import { ProblemError, refuseAsUnavailable } from './problem.ts'

/** An operator may have had a copy sent again as well, and so on, until the deadline. */
const MOST_COPIES = 20

/**
 * @param deps.guard learns which codes were used; absent when it is off
 * @param deps.restartCoolDown likewise, for the cool-down of the recipient
 */
export function createEndByApp(deps: {
  store: MessageStore
  events: Events
  audit: Pick<Audit, 'note'>
  guard?: Pick<PumpingGuard, 'used' | 'notSent'> | undefined
  restartCoolDown?: ((to: string) => Promise<void>) | undefined
}) {
  const { store, events, audit, guard, restartCoolDown } = deps

  return {
    /** The app's message. Throws a 404 for one that is not there, or is another app's: the answer is the same. */
    own,

    /** Takes a message back. Throws a 409 once a worker has begun to send it, or it has ended otherwise. */
    cancel: async (app: AppCaller, id: string): Promise<Message> =>
      takeBack(await own(app, id), { actor: `app:${app.name}`, detail: 'canceled by the app' }),

    /** The same by an operator, for a message of any app. */
    cancelAsOperator: async (operator: Pick<OperatorCaller, 'name'>, id: string): Promise<Message> =>
      takeBack(await any(id), { actor: `operator:${operator.name}`, detail: 'canceled by an operator' }),

    /** Its code is over: while it still waits to be sent, it is not. */
    async drop(id: string, detail: string): Promise<void> {
      const { moved, message } = await store.move(id, { to: 'canceled', detail }).catch(refuseAsUnavailable)
      if (!moved || !message) return
      events.messageCanceled(message)
      await learned(guard?.notSent(message))
    },

    /**
     * The person has typed the code: nobody needs the message any more. Typed from what an operator read out it is used as well,
     * though that message has ended already; then nobody need read it any more, and it is erased. Throws a 409 for a code that never went to anybody.
     */
    async use(app: AppCaller, id: string): Promise<Message> {
      const before = await own(app, id)
      const { moved, message = before } = await store
        .move(id, { to: 'used', detail: 'the code was used' })
        .catch(refuseAsUnavailable)
      if (moved) {
        events.messageUsed(message, !hasArrived(message))
        await learnUse(message)
      }
      await useCopies(message)
      if (message.status === 'fallback' && message.usedAt === undefined) return useAfterFallback(message)
      if (message.status === 'used' || message.status === 'fallback') return message
      throw alreadyEnded(message.status)
    },
  }

  async function takeBack(before: Message, by: { actor: string; detail: string }): Promise<Message> {
    const { id } = before
    const { moved, message = before } = await store
      .move(id, { to: 'canceled', detail: by.detail })
      .catch(refuseAsUnavailable)
    if (moved) {
      events.messageCanceled(message)
      audit.note({ actor: by.actor, action: 'message.canceled', subject: id })
      await learned(guard?.notSent(message))
    }
    if (message.status === 'canceled') return message
    throw notCanceled(message.status)
  }

  /** The code may be on its way again, as a message that its app does not know of: that one is used as well. */
  async function useCopies({ resentAs }: Message): Promise<void> {
    for (let id = resentAs, copies = 0; id !== undefined && copies < MOST_COPIES; copies += 1) {
      const { moved, message } = await store
        .move(id, { to: 'used', detail: 'the code was used' })
        .catch(refuseAsUnavailable)
      if (moved && message) events.messageUsed(message, !hasArrived(message))
      if (message?.status === 'fallback')
        await store.noteUsed(id, 'the code was used').catch(refuseAsUnavailable)
      id = message?.resentAs
    }
  }

  async function useAfterFallback(before: Message): Promise<Message> {
    const { moved, message = before } = await store
      .noteUsed(before.id, 'the code was used')
      .catch(refuseAsUnavailable)
    if (moved) {
      events.messageUsed(message, false)
      await learnUse(message)
    }
    return message
  }

  async function learnUse(message: Message): Promise<void> {
    await learned(guard?.used(message))
    if (!message.isTest) await learned(restartCoolDown?.(message.to))
  }

  async function own(app: AppCaller, id: string): Promise<Message> {
    const message = await any(id)
    if (message.app === app.name && (message.isTest ?? false) === isTest(app)) return message
    throw noSuchMessage()
  }

  async function any(id: string): Promise<Message> {
    const message = await store.read(id).catch(refuseAsUnavailable)
    if (message) return message
    throw noSuchMessage()
  }
}

/** What limits are to learn is not worth an error to the app: the message is where it belongs. */
async function learned(note: Promise<void> | undefined): Promise<void> {
  await note?.catch(() => undefined)
}

export type EndByApp = ReturnType<typeof createEndByApp>

export function noSuchMessage(): ProblemError {
  const detail = 'There is no such message. Records are kept a day after the deadline.'
  return new ProblemError(404, 'not_found', detail)
}

function notCanceled(status: MessageStatus): ProblemError {
  switch (status) {
    case 'fallback':
    case 'expired':
    case 'used':
      return alreadyEnded(status)
    default: {
      const detail = `The message is ${status}: it cannot be taken back. To stop what may follow, tell that its code was used.`
      return new ProblemError(409, 'already_sent', detail)
    }
  }
}

function alreadyEnded(status: MessageStatus): ProblemError {
  return new ProblemError(409, 'already_ended', `The message has ended before: it is ${status}.`)
}

/** Then it has been counted as delivered. */
function hasArrived({ timeline }: Message): boolean {
  return timeline.some(({ status }) => status === 'delivered' || status === 'read')
}
