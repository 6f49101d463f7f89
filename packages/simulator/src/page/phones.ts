import { graphErrors } from '../graph/errors.ts'
import type { MessageLog, ReceivedMessage } from '../world/message-log.ts'
import { formatNumber } from '../world/phone-number.ts'

/** A message as the phones page shows it. */
export type PhoneMessage = {
  readonly id: string
  readonly number: string
  readonly business: string
  readonly profile: string
  readonly text: string
  readonly language: string
  readonly code?: string
  readonly copyLabel?: string
  readonly footer?: string
  readonly acceptedAt: number
  readonly status: string
  readonly failure?: string
  readonly warning?: string
}

/** Messages shown to a page that opens: at most 24 phones with 12 messages each. */
const PHONE_CAP = 24
const MESSAGES_PER_PHONE = 12

/** What is on the recipients' phones now, and every change to it. */
export function createPhones(deps: { messages: MessageLog; business: string }) {
  const phones = new Map<string, Map<string, ReceivedMessage>>()
  const listeners = new Set<(message: PhoneMessage) => void>()

  function keep(message: ReceivedMessage): void {
    const phone = phones.get(message.to) ?? new Map<string, ReceivedMessage>()
    const isNew = message.statuses.length === 0
    if (isNew) phones.delete(message.to)
    else if (!phone.has(message.id)) return
    phones.set(message.to, phone.set(message.id, message))
    dropOldest(phone, MESSAGES_PER_PHONE)
    dropOldest(phones, PHONE_CAP)
  }

  deps.messages.onChange((message) => {
    keep(message)
    if (listeners.size === 0) return
    const shown = show(message, deps.business)
    for (const listener of listeners) listener(shown)
  })

  return {
    /** Oldest phone first, its oldest message first. */
    list: (): PhoneMessage[] =>
      [...phones.values()].flatMap((phone) =>
        [...phone.values()].map((message) => show(message, deps.business)),
      ),
    /** Calls back on every change until the returned function is called. */
    subscribe(listener: (message: PhoneMessage) => void): () => void {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    clear: () => phones.clear(),
  }
}

export type Phones = ReturnType<typeof createPhones>

function show(message: ReceivedMessage, business: string): PhoneMessage {
  const { id, to, profile, text, code, copyLabel, footer, acceptedAt, policyWarning } = message
  return {
    id,
    number: formatNumber(to),
    business,
    profile,
    text,
    language: message.template?.language.replace('_', '-') ?? '',
    ...(code === undefined ? {} : { code }),
    ...(copyLabel === undefined ? {} : { copyLabel }),
    ...(footer === undefined ? {} : { footer }),
    acceptedAt,
    ...statusOf(message),
    ...(policyWarning === undefined ? {} : { warning: policyWarning }),
  }
}

/** A message that was delivered stays so, whatever a second device says later. */
function statusOf({ statuses }: ReceivedMessage): { status: string; failure?: string } {
  const reached = statuses.map(({ status }) => status)
  for (const status of ['read', 'delivered'] as const) if (reached.includes(status)) return { status }
  const failure = statuses.find(({ status }) => status === 'failed')
  if (failure === undefined) return { status: reached.at(-1) ?? 'accepted' }
  const graphCode = failure.graphCode ?? 131000
  return { status: 'failed', failure: `${graphCode} ${graphErrors[graphCode]?.title ?? ''}`.trim() }
}

function dropOldest<K>(map: Map<K, unknown>, cap: number): void {
  const oldest = map.size > cap ? map.keys().next().value : undefined
  if (oldest !== undefined) map.delete(oldest)
}
