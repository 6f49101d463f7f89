import { createHmac } from 'node:crypto'
import type { Headers } from './request.ts'
import { parseJson, validator, type FindFaults } from './validate.ts'
import { accountFields } from './webhook-fields.ts'
import { accountErrorValue, envelope, inboundValue, statusValue } from './webhook-values.ts'

/** A POST to a webhook, or what the receiver got of it. */
export type WebhookRequest = {
  readonly headers: Headers
  /** The bytes as they came, as text. */
  readonly body: string
}

const LARGEST_BYTES = 3 * 1024 * 1024
const MOST_UPDATES = 1000

/**
 * What is wrong with a webhook, by Meta's documentation: signature header, escapes, size, envelope and every value.
 * `appSecret`: the signature is checked as well. `version`: of the payload, default `v26.0`; conversations end with v23, people
 * and user ids come with v26. One line per fault, none = it conforms.
 */
export function webhookFaults(
  { headers, body }: WebhookRequest,
  options: { appSecret?: string; version?: string } = {},
): string[] {
  const parsed = parseJson(body, 'body')
  const outside = [...headerFaults(headers, body, options.appSecret), ...byteFaults(body)]
  if ('fault' in parsed) return [...outside, parsed.fault]
  const faults = findEnvelopeFaults(parsed.value)
  if (faults.length > 0) return [...outside, ...faults]
  return [...outside, ...entryFaults(parsed.value as Envelope, majorOf(options.version ?? 'v26.0'))]
}

function majorOf(version: string): number {
  return Number(/^v(\d+)\./.exec(version)?.[1])
}

function headerFaults(headers: Headers, body: string, appSecret: string | undefined): string[] {
  const signature = String(headers['x-hub-signature-256'] ?? '')
  const isShaped = /^sha256=[0-9a-f]{64}$/.test(signature)
  const isRight =
    appSecret === undefined ||
    signature === `sha256=${createHmac('sha256', appSecret).update(body).digest('hex')}`
  const isJson = /^application\/json(;|$)/.test(String(headers['content-type'] ?? ''))
  return [
    ...(isShaped ? [] : ['the header x-hub-signature-256 must be sha256= and 64 hex digits']),
    ...(isRight ? [] : ['the signature does not fit the bytes of the body']),
    ...(isJson ? [] : ['the header content-type must be application/json']),
  ]
}

function byteFaults(body: string): string[] {
  const isLarge = Buffer.byteLength(body) > LARGEST_BYTES
  const isEscaped = /^[\x20-\x7e]*$/.test(body)
  return [
    ...(isLarge ? ['body is larger than 3 MB'] : []),
    ...(isEscaped ? [] : ['body must write characters beyond ASCII as \\uXXXX']),
  ]
}

type Status = {
  status: string
  recipient_user_id?: string
  conversation?: object
  pricing?: { type?: string }
  errors?: { title: string; message: string }[]
}
type Value = { statuses?: Status[]; messages?: object[]; errors?: object[]; contacts?: object[] }
type Envelope = { entry: { time?: number; changes: { field: string; value: Value }[] }[] }

const findEnvelopeFaults = validator(envelope, 'body')
const findFieldFaults = Object.fromEntries(
  Object.entries(accountFields).map(([field, schema]) => [field, validator(schema, 'value')]),
)
const findStatusFaults = validator(statusValue, 'value')
const findInboundFaults = validator(inboundValue, 'value')
const findAccountErrorFaults = validator(accountErrorValue, 'value')

function entryFaults({ entry }: Envelope, version: number): string[] {
  const updates = entry.flatMap(({ changes }) => changes.map(({ value }) => value.statuses?.length ?? 1))
  const total = updates.reduce((sum, part) => sum + part, 0)
  const tooMany = total > MOST_UPDATES ? [`body holds ${total} updates; ${MOST_UPDATES} is the most`] : []
  const inside = entry.flatMap(({ time, changes }, nth) =>
    changes.flatMap(({ field, value }, place) => {
      const at = `body/entry/${nth}/changes/${place}`
      const untimed = field !== 'messages' && time === undefined ? [`body/entry/${nth}/time is missing`] : []
      const faults = valueFaults(field, value, version).map((fault) => `${at}/${fault}`)
      return [...untimed, ...faults]
    }),
  )
  return [...tooMany, ...inside]
}

function valueFaults(field: string, value: Value, version: number): string[] {
  if (field !== 'messages') {
    const findFaults: FindFaults | undefined = findFieldFaults[field]
    return findFaults?.(value) ?? [`field ${field} is not known`]
  }
  if (value.messages !== undefined) return findInboundFaults(value)
  if (value.statuses === undefined) return findAccountErrorFaults(value)
  const faults = findStatusFaults(value)
  return faults.length > 0 ? faults : statusFaults(value, value.statuses, version)
}

function statusFaults(value: Value, statuses: Status[], version: number): string[] {
  const isAllFailed = statuses.every(({ status }) => status === 'failed')
  const wantsPeople = version >= 26 && !isAllFailed
  return [
    ...(wantsPeople && value.contacts === undefined ? ['value/contacts is missing'] : []),
    ...(!wantsPeople && value.contacts !== undefined ? ['value/contacts is not there'] : []),
    ...statuses.flatMap((status, nth) =>
      oneStatusFaults(status, version).map((fault) => `value/statuses/${nth}/${fault}`),
    ),
  ]
}

function oneStatusFaults(status: Status, version: number): string[] {
  const isFree = status.pricing?.type === 'free_entry_point'
  const wantsUser = version >= 26 && status.status !== 'failed'
  const isTitled = (status.errors ?? []).every(({ title, message }) => title === message)
  return [
    ...(wantsUser && status.recipient_user_id === undefined ? ['recipient_user_id is missing'] : []),
    ...(version < 26 && status.recipient_user_id !== undefined ? ['recipient_user_id came with 26'] : []),
    ...(version >= 24 && status.conversation !== undefined && !isFree ? ['conversation ended with 23'] : []),
    ...(isTitled ? [] : ['errors: message must be the title, without (#code)']),
  ]
}
