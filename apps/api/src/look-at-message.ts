/** Use case: one message as operators see it: its story, and what they may do. No code, no id of Meta's, and of the number the last four digits. */
import {
  isSettled,
  maskPhoneNumber,
  openContent,
  tellStory,
  whyNotCanceled,
  whyNotResent,
  type Message,
  type MessageStore,
  type Sealer,
  type Story,
} from '@relais/core'
import { noSuchMessage } from './end-by-app.ts'
import { refuseAsUnavailable } from './problem.ts'

/** What operators see of a message in a list. Moments are milliseconds since 1970. */
export type MessageSummary = ReturnType<typeof summaryOf>

/** Whether something can be done with it now; if not, why, and what to do instead. */
export type Permit = { ok: true } | { ok: false; why: string }

export type MessageView = {
  summary: MessageSummary
  story: Story
  canResend: Permit
  canCancel: Permit
  /** When all of this is true. */
  now: number
}

export function createLookAtMessage(deps: {
  store: Pick<MessageStore, 'read' | 'readContent'>
  sealer: Sealer
  now?: () => number
}) {
  const { store, sealer, now = Date.now } = deps

  /** Throws a 404 for one that is not there. */
  return async (id: string): Promise<MessageView> => {
    const [message, sealed] = await Promise.all([store.read(id), store.readContent(id)]).catch(
      refuseAsUnavailable,
    )
    if (!message) throw noSuchMessage()
    const moment = now()
    const isMarkLost =
      message.resentAs !== undefined && !(await store.read(message.resentAs).catch(refuseAsUnavailable))
    const { resentAs: _lost, ...unmarked } = message
    const content = stateOf(sealer, id, sealed)
    return {
      summary: summaryOf(message),
      story: tellStory(message, moment),
      // A copy that was decided on and never came to be can still be made.
      canResend: permit(whyNotResent(isMarkLost ? unmarked : message, { content, now: moment })),
      canCancel: permit(whyNotCanceled(message)),
      now: moment,
    }
  }
}

export type LookAtMessage = ReturnType<typeof createLookAtMessage>

/** Can Relais still send what a message says? */
export function stateOf(
  sealer: Sealer,
  id: string,
  sealed: string | undefined,
): 'here' | 'gone' | 'unreadable' {
  if (sealed === undefined) return 'gone'
  return openContent(sealer, id, sealed) ? 'here' : 'unreadable'
}

export function summaryOf(message: Message) {
  const { id, app, isTest, type, to, template, language, reference, status, reason } = message
  const { attempts, acceptedAt, expiresAt, resendOf, resentAs } = message
  // A fallback that was decided and did not come about is nobody's reason.
  const isFallback = status === 'fallback' || !isSettled(status)
  return {
    id,
    app,
    ...(isTest && { isTest }),
    type,
    to: maskPhoneNumber(to),
    ...(template !== undefined && { template }),
    ...(language !== undefined && { language }),
    ...(reference !== undefined && { reference }),
    status,
    ...(reason !== undefined && isFallback && { reason }),
    attempts,
    acceptedAt,
    expiresAt,
    ...(resendOf !== undefined && { resendOf }),
    ...(resentAs !== undefined && { resentAs }),
  }
}

function permit(whyNot: string | undefined): Permit {
  return whyNot === undefined ? { ok: true } : { ok: false, why: whyNot }
}
