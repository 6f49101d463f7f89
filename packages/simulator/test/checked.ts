import { expect } from 'vitest'
import { answerFaults, type Operation } from '../src/conformance/index.ts'
import { identity } from './setup.ts'

/** A call to the simulator. `token`: `null` = none, left out = the first one. */
export type Call = {
  method?: string
  path: string
  query?: Record<string, string>
  token?: string | null
  /** Text is sent as it is, everything else as JSON. */
  body?: unknown
}

/** Calls the simulator and checks the answer, whatever it is. The code of an error, or the status of a good answer. */
export async function checked(graphUrl: string, operation: Operation, call: Call): Promise<number> {
  const { method = 'GET', path, query = {}, token = identity.accessToken, body } = call
  const response = await fetch(`${graphUrl}${path}?${new URLSearchParams(query)}`, {
    method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  const headers = Object.fromEntries(response.headers)
  const faults = answerFaults(operation, { statusCode: response.status, headers, body: text })
  expect(faults, `${operation}: ${text}`).toEqual([])
  const { error } = JSON.parse(text) as { error?: { code: number } }
  return error?.code ?? response.status
}

/** A send with this body. */
export const sending = (body: unknown, changes: Partial<Call> = {}): Call => ({
  method: 'POST',
  path: `/v26.0/${identity.phoneNumberId}/messages`,
  body,
  ...changes,
})

const ofBusiness = (edge: string) => `/v26.0/${identity.businessId}${edge}`

/** Paths of the business. */
export const paths = {
  phoneNumber: `/v26.0/${identity.phoneNumberId}`,
  business: ofBusiness(''),
  phoneNumbers: ofBusiness('/phone_numbers'),
  templates: ofBusiness('/message_templates'),
  subscriptions: ofBusiness('/subscribed_apps'),
}

/** What an operator reads, one call of each kind. */
export const reads: [Operation, Call][] = [
  ['phone_number', { path: paths.phoneNumber }],
  ['business', { path: paths.business }],
  ['phone_numbers', { path: paths.phoneNumbers }],
  ['list_templates', { path: paths.templates }],
  ['subscriptions', { path: paths.subscriptions }],
]
