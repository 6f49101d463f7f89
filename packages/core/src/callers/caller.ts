/** Who calls the API: an app or an operator, known by a key, and what that key allows. Pure. */

/** What an app's key may allow. */
export const APP_SCOPES = ['messages:send', 'messages:read', 'messages:end'] as const

/** What an operator's key may allow. */
export const OPERATOR_SCOPES = [
  'status:read',
  'token:write',
  'fallback:read',
  'fallback:reveal',
  'messages:read',
  'messages:write',
  'board:read',
  'board:write',
  'logs:write',
  'callbacks:write',
] as const

export type AppScope = (typeof APP_SCOPES)[number]
export type OperatorScope = (typeof OPERATOR_SCOPES)[number]
export type Scope = AppScope | OperatorScope

/**
 * What an app's key is for. `live`: everybody. `team`: a list of recipients. `test`: nobody; the messages never leave Relais, and
 * their recipients decide what becomes of them.
 */
export const KEY_MODES = ['live', 'team', 'test'] as const

export type KeyMode = (typeof KEY_MODES)[number]

/** An app, with what the key that it came with allows. */
export type AppCaller = {
  kind: 'app'
  name: string
  /** Names the key where people can see it. Not secret. */
  keyId: string
  scopes: readonly AppScope[]
  mode: KeyMode
  /** In mode `team`: whom it may send to, in E.164. */
  recipients: readonly string[]
}

export type OperatorCaller = {
  kind: 'operator'
  name: string
  keyId: string
  scopes: readonly OperatorScope[]
}

export type Caller = AppCaller | OperatorCaller

/** A caller's name: of an app or an operator. */
export const CALLER_NAME: RegExp = /^[a-z0-9][a-z0-9_-]{0,31}$/i

/** Messages of test keys are a world of their own: neither sees the other's. */
export function isTest(caller: Pick<AppCaller, 'mode'>): boolean {
  return caller.mode === 'test'
}
