import { businessAnswer, phoneNumberAnswer, phoneNumbersAnswer, registerRequest } from './phone-number.ts'
import { fieldsQuery, pageQuery } from './page.ts'
import type { JsonSchema } from './schema.ts'
import { addressFaults, codeFaults, sendAnswer, sendRequest } from './send.ts'
import { subscribeAnswer, subscribeRequest, subscriptionsAnswer } from './subscription.ts'
import * as template from './template.ts'
import * as tokens from './tokens.ts'

/** A call to the Graph API as its documentation describes it. */
type OperationRow = {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** With `{version}` and `{id}`. */
  readonly path: string
  readonly query: JsonSchema
  /** Where the access token stands. */
  readonly accessToken: 'header' | 'header or parameter' | 'nowhere'
  /** Left out: no body. */
  readonly body?: JsonSchema
  readonly isBodyOptional?: true
  /** Parameters may stand in the query or in the body, JSON or form, as `query` says. */
  readonly isForm?: true
  /** What a schema cannot say of a body. */
  readonly bodyFaults?: (body: unknown) => string[]
  readonly answer: JsonSchema
  /** What a schema cannot say of a good answer. */
  readonly answerFaults?: (body: unknown) => string[]
  /** Dead tokens answer 400 instead of 401. */
  readonly isAboutTokens?: true
}

const get = { method: 'GET', accessToken: 'header' } as const
const post = { method: 'POST', accessToken: 'header', query: tokens.noQuery } as const
const send = {
  ...post,
  path: '/{version}/{id}/messages',
  body: sendRequest,
  answer: sendAnswer,
} as const
const oauth = {
  ...get,
  path: '/{version}/oauth/access_token',
  accessToken: 'nowhere',
  isAboutTokens: true,
} as const
const success = template.successAnswer

/** The operations that are played, by name. `send_code` is a send that must carry a one-time code. */
export const operations = {
  send: { ...send, bodyFaults: addressFaults },
  send_code: { ...send, bodyFaults: (body: unknown) => [...addressFaults(body), ...codeFaults(body)] },
  exchange: { ...oauth, query: tokens.exchangeQuery, answer: tokens.tokenAnswer },
  app_token: { ...oauth, query: tokens.appTokenQuery, answer: tokens.appTokenAnswer },
  debug_token: {
    ...get,
    path: '/{version}/debug_token',
    query: tokens.debugTokenQuery,
    accessToken: 'header or parameter',
    answer: tokens.debugTokenAnswer,
    answerFaults: tokens.inspectionFaults,
    isAboutTokens: true,
  },
  revoke: {
    ...get,
    path: '/{version}/oauth/revoke',
    query: tokens.revokeQuery,
    accessToken: 'header or parameter',
    answer: tokens.revokeAnswer,
    isAboutTokens: true,
  },
  issue_token: {
    method: 'POST',
    path: '/{version}/{id}/access_tokens',
    query: tokens.issueTokenParameters,
    accessToken: 'header or parameter',
    isForm: true,
    answer: tokens.issueTokenAnswer,
    isAboutTokens: true,
  },
  phone_number: { ...get, path: '/{version}/{id}', query: fieldsQuery, answer: phoneNumberAnswer },
  business: { ...get, path: '/{version}/{id}', query: fieldsQuery, answer: businessAnswer },
  phone_numbers: {
    ...get,
    path: '/{version}/{id}/phone_numbers',
    query: pageQuery,
    answer: phoneNumbersAnswer,
  },
  list_templates: {
    ...get,
    path: '/{version}/{id}/message_templates',
    query: template.templatesQuery,
    answer: template.templatesAnswer,
  },
  create_template: {
    ...post,
    path: '/{version}/{id}/message_templates',
    body: template.createTemplateRequest,
    answer: template.createTemplateAnswer,
  },
  upsert_templates: {
    ...post,
    path: '/{version}/{id}/upsert_message_templates',
    body: template.upsertTemplatesRequest,
    answer: template.upsertTemplatesAnswer,
  },
  template: { ...get, path: '/{version}/{id}', query: fieldsQuery, answer: template.templateAnswer },
  edit_template: { ...post, path: '/{version}/{id}', body: template.editTemplateRequest, answer: success },
  unpause_template: { ...post, path: '/{version}/{id}/unpause', answer: success },
  delete_template: {
    method: 'DELETE',
    path: '/{version}/{id}/message_templates',
    query: template.deleteTemplateQuery,
    accessToken: 'header',
    answer: success,
  },
  subscribe: {
    ...post,
    path: '/{version}/{id}/subscribed_apps',
    body: subscribeRequest,
    isBodyOptional: true,
    answer: subscribeAnswer,
  },
  subscriptions: {
    ...get,
    path: '/{version}/{id}/subscribed_apps',
    query: fieldsQuery,
    answer: subscriptionsAnswer,
  },
  register: { ...post, path: '/{version}/{id}/register', body: registerRequest, answer: success },
  deregister: { ...post, path: '/{version}/{id}/deregister', answer: success },
  unsubscribe: {
    method: 'DELETE',
    path: '/{version}/{id}/subscribed_apps',
    query: tokens.noQuery,
    accessToken: 'header',
    answer: success,
  },
} as const satisfies Record<string, OperationRow>

export type Operation = keyof typeof operations

export function rowOf(operation: Operation): OperationRow {
  return operations[operation]
}
