/** Use case: what Meta says by webhook of templates and account is told to the operators, and what it means for sending is done. */
import type { Events, MessageStore, Notice, Pauses, PumpingGuard } from '@relais/core'

/** Nothing more may be sent with a template in these states (Meta, "message_template_status_update"). */
const TEMPLATE_STOPS = ['PAUSED', 'DISABLED', 'REJECTED', 'DELETED', 'PENDING_DELETION', 'ARCHIVED', 'LOCKED']
const TEMPLATE_GOES = ['APPROVED', 'REINSTATED', 'UNARCHIVED']

/** Nothing more may be sent by an account after these (Meta, "account_update"). */
const ACCOUNT_STOPS = ['ACCOUNT_RESTRICTION', 'DISABLED_UPDATE', 'ACCOUNT_DELETED', 'ACCOUNT_OFFBOARDED']

/** What the timeline says, once, of a person's word. */
const NOT_REQUESTED = 'the person did not request this code'

/** @param deps.guard learns of codes that nobody asked for; absent when it is off */
export function createRecordNotice(deps: {
  store: MessageStore
  pauses: Pauses
  events: Events
  guard?: Pick<PumpingGuard, 'notRequested'> | undefined
}) {
  const { store, pauses, events, guard } = deps

  return async (notice: Notice): Promise<void> => {
    if (notice.kind === 'not-requested') return aboutReport(notice.providerMessageId)
    events.notice(notice)
    switch (notice.kind) {
      case 'template':
        return aboutTemplate(notice)
      case 'account':
        return aboutAccount(notice)
    }
  }

  async function aboutReport(providerMessageId: string): Promise<void> {
    const id = await store.findByProviderId(providerMessageId)
    const message = id === undefined ? undefined : await store.read(id)
    if (!message) return
    const { status } = message
    // Meta tells everything at least once.
    if (!(await store.note(message.id, { status, detail: NOT_REQUESTED }))) return
    events.messageNotRequested(message)
    await guard?.notRequested(message)
  }

  async function aboutTemplate({
    name,
    language,
    event,
    reason,
  }: Notice & { kind: 'template' }): Promise<void> {
    const template = { name, language }
    await pauses.all()
    if (TEMPLATE_GOES.includes(event)) await pauses.end(template)
    if (!TEMPLATE_STOPS.includes(event)) return
    const detail = `Meta says that the template is ${event}${reason ? `: ${reason}` : ''}`
    await pauses.begin(template, { reason: 'template_rejected', detail })
  }

  async function aboutAccount({ field, event, detail }: Notice & { kind: 'account' }): Promise<void> {
    if (field !== 'account_update' || !ACCOUNT_STOPS.includes(event)) return
    await pauses.all()
    if (detail?.startsWith('REINSTATE')) return pauses.end('sender')
    const said = `Meta says of the account: ${event}${detail ? ` ${detail}` : ''}`
    await pauses.begin('sender', { reason: 'sender_blocked', detail: said })
  }
}

export type RecordNotice = ReturnType<typeof createRecordNotice>
