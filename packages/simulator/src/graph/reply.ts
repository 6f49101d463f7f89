import { graphErrorDetails, graphErrors } from './errors.ts'

/** Why a call is turned down. `sentence` replaces the usual `(#code) title`. */
export type Refusal = {
  readonly graphCode: number
  readonly subcode?: number | undefined
  readonly sentence?: string
  readonly details?: string
  readonly statusCode?: number
  readonly type?: string
  /** For the eyes of a person: `error_user_title` and `error_user_msg`. */
  readonly userTitle?: string
  readonly userMessage?: string
  /** Sets `Retry-After`, which Meta is not known to send. */
  readonly retryAfterSeconds?: number
}

/** A check's answer: what it read, or why the call is turned down. */
export type Checked<T> =
  { readonly value: T; readonly refusal?: never } | { readonly refusal: Refusal; readonly value?: never }

/** 100 that says itself what is wrong with a parameter, in its message. */
export function badParameter(what: string): Refusal {
  return { graphCode: 100, sentence: `(#100) ${what}` }
}

/** What goes over the wire. `statusCode: null` resets the connection instead of answering. */
export type GraphReply = {
  readonly statusCode: number | null
  readonly body: string
  readonly contentType?: string
  readonly graphCode?: number
  readonly graphSubcode?: number | undefined
  readonly messageId?: string
  /** Replaces the ordinary answer delay. */
  readonly delayMs?: number
  readonly retryAfterSeconds?: number | undefined
  /** The answer leaves only after this. */
  readonly notBefore?: Promise<void> | undefined
}

/** Stands in the body of a refusal where the server writes the trace id of the call. */
export const TRACE_ID = '<fbtrace_id>'

/** The connection is reset and nothing is answered. */
export const resetReply: GraphReply = { statusCode: null, body: '' }

/** A good answer: HTTP 200 and a JSON body. */
export function reply(body: object, messageId?: string): GraphReply {
  return { statusCode: 200, body: JSON.stringify(body), ...(messageId === undefined ? {} : { messageId }) }
}

/** Meta's error body and HTTP status for a refusal. */
export function refuse(refusal: Refusal): GraphReply {
  const row = graphErrors[refusal.graphCode]
  const subcode = refusal.subcode ?? graphErrorDetails[refusal.graphCode]?.subcode
  return {
    statusCode: refusal.statusCode ?? row?.statusCode ?? 400,
    body: JSON.stringify({ error: errorBody(refusal, subcode) }),
    graphCode: refusal.graphCode,
    graphSubcode: subcode,
    retryAfterSeconds: refusal.retryAfterSeconds,
  }
}

function errorBody(refusal: Refusal, subcode: number | undefined): object {
  const row = graphErrors[refusal.graphCode]
  const title = row?.title ?? 'Unknown error'
  const usual = row?.plain ? title : `(#${refusal.graphCode}) ${title}`
  return {
    message: refusal.sentence ?? usual,
    type: refusal.type ?? row?.type ?? 'OAuthException',
    ...(row?.isTransient ? { is_transient: true } : {}),
    code: refusal.graphCode,
    ...(subcode === undefined ? {} : { error_subcode: subcode }),
    ...(refusal.userTitle === undefined ? {} : { error_user_title: refusal.userTitle }),
    ...(refusal.userMessage === undefined ? {} : { error_user_msg: refusal.userMessage }),
    ...errorData(refusal, title),
    fbtrace_id: TRACE_ID,
  }
}

/** `error_data` comes with WhatsApp's own codes only; errors of the Graph layer have none. */
function errorData(refusal: Refusal, title: string): object {
  const isWhatsAppError = refusal.graphCode >= 130_000
  const details =
    refusal.details ?? (isWhatsAppError ? graphErrorDetails[refusal.graphCode]?.details : undefined)
  if (details === undefined && !isWhatsAppError) return {}
  return { error_data: { messaging_product: 'whatsapp', details: details ?? title } }
}
