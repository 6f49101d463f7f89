/** From what an app asks for to the message we keep. */
import type { Message, MessageContent } from '@relais/core'

/** What an app sends, already checked against the schema of the route. */
export type MessageRequest = {
  to: string
  ttlSeconds?: number
  /** In place of it: the deadline itself, in milliseconds since 1970. Nothing that a client can send. */
  expiresAt?: number
  deliverWithinSeconds?: number
  reference?: string
  /** The IP address of the person who asked for it. It is counted, and kept nowhere. */
  sourceIp?: string
} & (
  | { type: 'otp'; code: string; template?: string; language?: string }
  | { type: 'template'; template: string; language?: string; parameters?: string[] }
  | { type: 'text'; text: string }
)

/** What applies when the request names none. */
export type MessageDefaults = { template: string; language: string; ttlSeconds: number }

/** @param given.to the recipient in E.164, from the number in the request */
export function newMessage(
  request: MessageRequest,
  given: {
    id: string
    app: string
    isTest: boolean
    to: string
    acceptedAt: number
    requestId?: string | undefined
    trace?: string | undefined
    defaults: MessageDefaults
  },
): Message {
  const { id, app, isTest, to, acceptedAt, requestId, trace, defaults } = given
  return {
    id,
    app,
    ...(isTest && { isTest: true as const }),
    type: request.type,
    to,
    ...templateOf(request, defaults),
    ...(request.reference !== undefined && { reference: request.reference }),
    ...(requestId !== undefined && { requestId }),
    ...(trace !== undefined && { trace }),
    ...(request.deliverWithinSeconds !== undefined && { deliverWithinSeconds: request.deliverWithinSeconds }),
    status: 'queued',
    attempts: 0,
    claims: 0,
    waits: 0,
    acceptedAt,
    expiresAt: request.expiresAt ?? acceptedAt + (request.ttlSeconds ?? defaults.ttlSeconds) * 1000,
    timeline: [{ status: 'queued', at: acceptedAt }],
  }
}

/** The part of a request that is sealed. */
export function contentOf(request: MessageRequest): MessageContent {
  switch (request.type) {
    case 'otp':
      return { type: 'otp', code: request.code }
    case 'template':
      return { type: 'template', parameters: request.parameters ?? [] }
    case 'text':
      return { type: 'text', text: request.text }
  }
}

function templateOf(
  request: MessageRequest,
  { template, language }: MessageDefaults,
): { template?: string; language?: string } {
  if (request.type === 'text') return {}
  return { template: request.template ?? template, language: request.language ?? language }
}
