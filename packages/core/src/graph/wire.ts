/** The bodies that go to Meta, and how its answers are read. Shapes: Meta, "Send messages", "Authentication templates". */
import type { Message, MessageContent } from '../message.ts'
import type { GraphError } from '../outcome.ts'

/** The body of `POST /{phone_number_id}/messages`. `biz_opaque_callback_data` comes back in receipts. */
export function sendBody(
  message: Pick<Message, 'id' | 'to' | 'template' | 'language'>,
  content: MessageContent,
) {
  return {
    messaging_product: 'whatsapp',
    recipient_type: 'individual',
    to: message.to,
    biz_opaque_callback_data: message.id,
    ...part(message, content),
  }
}

function part({ template, language }: Pick<Message, 'template' | 'language'>, content: MessageContent) {
  switch (content.type) {
    case 'text':
      return { type: 'text', text: { preview_url: false, body: content.text } }
    case 'otp':
      return {
        type: 'template',
        template: { name: template, language: { code: language }, components: codeComponents(content.code) },
      }
    case 'template':
      return {
        type: 'template',
        template: {
          name: template,
          language: { code: language },
          ...(content.parameters.length > 0 && { components: bodyComponents(content.parameters) }),
        },
      }
  }
}

/** The code goes into body and button: the button was made as type OTP but is stored as URL, hence its sub-type. */
function codeComponents(code: string) {
  return [
    ...bodyComponents([code]),
    { type: 'button', sub_type: 'url', index: '0', parameters: [{ type: 'text', text: code }] },
  ]
}

function bodyComponents(parameters: string[]) {
  return [{ type: 'body', parameters: parameters.map((text) => ({ type: 'text', text })) }]
}

/** Meta's id of an accepted message, or `undefined` if the answer has none. */
export function acceptedId(body: unknown): string | undefined {
  const messages = fieldOf(body, 'messages')
  const id = Array.isArray(messages) ? fieldOf(messages[0], 'id') : undefined
  return typeof id === 'string' && id.length > 0 && id.length <= 512 ? id : undefined
}

/** Meta's error in a body, or `undefined` if there is none to read. Every field but `code` may be missing. */
export function readGraphError(statusCode: number, body: unknown): GraphError | undefined {
  const error = fieldOf(body, 'error')
  const message = fieldOf(error, 'message')
  const graphCode = fieldOf(error, 'code')
  if (typeof message !== 'string' && typeof graphCode !== 'number') return undefined
  const subcode = fieldOf(error, 'error_subcode') ?? fieldOf(error, 'subcode')
  const details = fieldOf(fieldOf(error, 'error_data'), 'details')
  const type = fieldOf(error, 'type')
  const fbtraceId = fieldOf(error, 'fbtrace_id')
  return {
    statusCode,
    message: typeof message === 'string' ? message.slice(0, 500) : '',
    ...(typeof graphCode === 'number' && { graphCode }),
    ...(typeof subcode === 'number' && { subcode }),
    ...(typeof type === 'string' && { type }),
    ...(typeof details === 'string' && { details: details.slice(0, 500) }),
    ...(typeof fbtraceId === 'string' && { fbtraceId: fbtraceId.slice(0, 100) }),
    ...(fieldOf(error, 'is_transient') === true && { isTransient: true }),
  }
}

/** A field of what may or may not be an object. */
export function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}

/** What may or may not be a list. */
export function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}
