import { count, flag, listOf, matching, nodeId, object, oneOf, text } from './schema.ts'

const grant = { client_id: nodeId, client_secret: text }
const proof = { appsecret_proof: matching('^[0-9a-f]{64}$') }

/** `GET /oauth/access_token`, a token for a token. */
export const exchangeQuery = object(
  { grant_type: oneOf('fb_exchange_token'), ...grant, fb_exchange_token: text },
  { set_token_expires_in_60_days: oneOf('true') },
)

/** `GET /oauth/access_token`, the app's own token. */
export const appTokenQuery = object({ grant_type: oneOf('client_credentials'), ...grant })

/** `expires_in`: seconds left; left out for a token that never expires. */
export const tokenAnswer = object(
  { access_token: text, token_type: oneOf('bearer') },
  { expires_in: { type: 'integer', minimum: 1 } },
)

/** The app's own token shows its app, does not expire, and is never the literal `id|secret`. */
export const appTokenAnswer = object({
  access_token: matching('^[0-9]+\\|.+$'),
  token_type: oneOf('bearer'),
})

export const debugTokenQuery = object({ input_token: text }, { access_token: text, ...proof })

const inspected = object(
  { is_valid: flag, scopes: listOf(text) },
  {
    app_id: nodeId,
    type: oneOf('SYSTEM_USER', 'USER', 'APP', 'PAGE'),
    application: text,
    issued_at: count,
    expires_at: count,
    data_access_expires_at: count,
    user_id: nodeId,
    granular_scopes: listOf(object({ scope: text }, { target_ids: listOf({ type: ['string', 'integer'] }) })),
    error: object({ code: count, message: text }, { subcode: count }),
  },
)

export const debugTokenAnswer = object({ data: inspected })

type Inspected = {
  is_valid: boolean
  type?: string
  error?: object
  app_id?: string
  expires_at?: number
}

/**
 * A dead token is a good answer too: then `is_valid` is false and the reason stands inside `data`. The token of an app
 * has no times.
 */
export function inspectionFaults(body: unknown): string[] {
  const { data } = body as { data: Inspected }
  if (!data.is_valid)
    return data.error === undefined ? ['body/data/error is missing: why it is not valid'] : []
  const mustExpire = data.type !== 'APP'
  return [
    ...(data.error === undefined ? [] : ['body/data/error does not go with is_valid']),
    ...(data.app_id === undefined ? ['body/data/app_id is missing'] : []),
    ...(mustExpire && data.expires_at === undefined ? ['body/data/expires_at is missing'] : []),
  ]
}

export const revokeQuery = object({ ...grant, revoke_token: text, access_token: text }, proof)

/** The only success that is a text, not a truth value. */
export const revokeAnswer = object({ success: oneOf('true') })

/** `POST /{system_user_id}/access_tokens`; the parameters may also stand in the body. */
export const issueTokenParameters = object(
  { business_app: nodeId, scope: matching('^[a-z_]+(,[a-z_]+)*$'), ...proof },
  { access_token: text, set_token_expires_in_60_days: oneOf('true') },
)

export const issueTokenAnswer = object({ access_token: text })

export const noQuery = object({}, proof)
export { proof as proofParameter }
