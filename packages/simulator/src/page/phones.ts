import { graphErrors } from '../graph/errors.ts'
import type { MessageLog, ReceivedMessage } from '../world/message-log.ts'
import { formatNumber } from '../world/phone-number.ts'
import type { PhoneSwitches, Recipients } from '../world/recipients.ts'
import type { Answers, ShownReply } from './answers.ts'

/** A message of the business as a person sees it. Times are milliseconds of simulated time. */
export type ShownMessage = {
  readonly kind: 'message'
  readonly id: string
  readonly at: number
  readonly text: string
  /** `pt-BR` */
  readonly language: string
  readonly code?: string | undefined
  readonly copyLabel?: string | undefined
  readonly footer?: string | undefined
  readonly status: 'accepted' | 'sent' | 'delivered' | 'read' | 'failed'
  readonly failure?: string | undefined
  readonly warning?: string | undefined
  /** The person said that they did not ask for this code. */
  readonly isDenied: boolean
}

/** A recipient's phone with its newest messages, oldest first. */
export type ShownPhone = {
  readonly number: string
  /** The number for the eyes of a person. */
  readonly label: string
  readonly business: string
  /** In a word: `online`, `off`, or what the number stands for. */
  readonly profile: string
  readonly switches: PhoneSwitches
  readonly entries: readonly (ShownMessage | ShownReply)[]
}

const PHONE_CAP = 24
const ENTRIES_PER_PHONE = 12

/**
 * What is on the phones of the recipients: the 24 that something was sent to last, 12 messages each. Worked out from
 * the message log whenever somebody looks; nothing is kept for those who do not.
 */
export function createPhones(deps: {
  messages: MessageLog
  recipients: Recipients
  answers: Answers
  businessOf: (phoneNumberId: string) => string
}) {
  const { messages, recipients, answers } = deps

  /** Number -> its newest messages, newest first; the newest number first. */
  function newest(): Map<string, ReceivedMessage[]> {
    const phones = new Map<string, ReceivedMessage[]>()
    for (const message of messages.list().reverse()) {
      const phone = phones.get(message.to)
      if (phone !== undefined) {
        if (phone.length < ENTRIES_PER_PHONE) phone.push(message)
      } else if (phones.size < PHONE_CAP) phones.set(message.to, [message])
    }
    return phones
  }

  function show(number: string, received: readonly ReceivedMessage[]): ShownPhone {
    const shown = received.toReversed().map((message) => showMessage(message, answers.isDenied(message.id)))
    const entries = [...shown, ...answers.repliesOf(number)].toSorted((a, b) => a.at - b.at)
    return {
      number,
      label: formatNumber(number),
      business: deps.businessOf(received[0]?.phoneNumberId ?? ''),
      profile: profileWord(number, recipients),
      switches: recipients.switches(number),
      entries: entries.slice(-ENTRIES_PER_PHONE),
    }
  }

  return {
    /** The newest phone last. */
    list: (): ShownPhone[] => [...newest()].map(([number, received]) => show(number, received)).reverse(),
    /** Whether a number was ever sent anything, as far as the log goes back. */
    has: (number: string): boolean => messages.list().some(({ to }) => to === number),
    /** Calls back with a number, or `*` for all of them, on everything that changes what `list` says. */
    onChange(listener: (number: string) => void): void {
      messages.onChange(({ to }) => listener(to))
      answers.onChange(listener)
      recipients.onChange((target) => listener(/[*?]/.test(target) ? '*' : target))
    },
  }
}

export type Phones = ReturnType<typeof createPhones>

/** The switches say it first; a profile that is nothing but a switch has no say of its own. */
function profileWord(number: string, recipients: Recipients): string {
  const { isOff, hasNoWhatsApp, hasBlockedUs, hasReceiptsOff } = recipients.switches(number)
  if (hasNoWhatsApp) return 'no WhatsApp'
  if (hasBlockedUs) return 'blocked us'
  if (isOff) return 'off'
  const profile = recipients.profileOf(number)
  if (profile.switches === undefined && profile.name !== 'online') return profile.name
  return hasReceiptsOff ? 'receipts off' : 'online'
}

function showMessage(message: ReceivedMessage, isDenied: boolean): ShownMessage {
  const { id, text, code, copyLabel, footer, acceptedAt, policyWarning } = message
  return {
    kind: 'message',
    id,
    at: acceptedAt,
    text,
    language: message.template?.language.replace('_', '-') ?? '',
    code,
    copyLabel,
    footer,
    ...statusOf(message),
    warning: policyWarning,
    isDenied,
  }
}

/** A message that was delivered stays so, whatever a second device says later. */
function statusOf({ statuses }: ReceivedMessage): Pick<ShownMessage, 'status' | 'failure'> {
  const reached = statuses.map(({ status }) => status)
  for (const status of ['read', 'delivered'] as const) if (reached.includes(status)) return { status }
  const failure = statuses.find(({ status }) => status === 'failed')
  if (failure === undefined) return { status: reached.at(-1) ?? 'accepted' }
  const graphCode = failure.graphCode ?? 131000
  return { status: 'failed', failure: `${graphCode} ${graphErrors[graphCode]?.title ?? ''}`.trim() }
}
