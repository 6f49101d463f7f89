/**
 * Meta's Graph API, as far as Relais uses it. One call in, one answer as data out: nothing is thrown, and nothing that comes
 * out holds a token or a code. Knows nothing of Redis or queues.
 */
import type { Message, MessageContent } from '../message.ts'
import type { GraphError, Outcome } from '../outcome.ts'
import { Secret } from '../secret.ts'
import type {
  AppCredentials,
  ExchangedToken,
  GraphFault,
  InspectedToken,
  PhoneNumberNode,
} from './answers.ts'
import { classify } from './failures.ts'
import { createTransport, type GraphAnswer, type GraphRequest } from './transport.ts'
import { acceptedId, fieldOf, readGraphError, sendBody } from './wire.ts'

/**
 * @param options.apiVersion such as `v26.0`
 * @param options.timeoutMs one call, from connect to the last byte
 * @param options.onCall told of each call: what it was, how it went, how long it took in milliseconds
 */
export function createGraphClient(options: {
  baseUrl: string
  apiVersion: string
  timeoutMs: number
  maxSockets: number
  onCall?: (outcome: string, durationMs: number) => void
}) {
  const transport = createTransport(options)

  return {
    /** Sends one message from `phoneNumberId`. */
    async send(
      phoneNumberId: string,
      accessToken: Secret,
      message: Pick<Message, 'id' | 'to' | 'template' | 'language'>,
      content: MessageContent,
    ): Promise<Outcome> {
      const answer = await call({
        method: 'POST',
        path: `/${phoneNumberId}/messages`,
        bearer: accessToken.reveal(),
        body: sendBody(message, content),
      })
      return readSendAnswer(answer, [accessToken.reveal(), ...textsOf(content)])
    },

    /** Trades a live token for a new one (Meta, "Long-Lived Access Tokens", "System users"). The old one stays valid. */
    async exchange(app: AppCredentials, accessToken: Secret): Promise<ExchangedToken | GraphFault> {
      const answer = await call({
        method: 'GET',
        path: '/oauth/access_token',
        query: {
          grant_type: 'fb_exchange_token',
          client_id: app.appId,
          client_secret: app.appSecret.reveal(),
          fb_exchange_token: accessToken.reveal(),
          set_token_expires_in_60_days: 'true',
        },
      })
      const body = bodyOf(answer, [app.appSecret, accessToken])
      if (body.kind !== 'body') return body
      const text = fieldOf(body.body, 'access_token')
      if (typeof text !== 'string' || text === '') {
        return { kind: 'unreachable', detail: 'the answer to the exchange holds no token' }
      }
      const expiresIn = fieldOf(body.body, 'expires_in')
      const isLife = typeof expiresIn === 'number' && expiresIn > 0
      return {
        kind: 'exchanged',
        accessToken: new Secret(text),
        ...(isLife && { expiresInSeconds: expiresIn }),
      }
    },

    /** Asks Meta about a token (`debug_token`). A dead token is an answer (`isValid: false`), not a fault. */
    async inspect(app: AppCredentials, accessToken: Secret): Promise<InspectedToken | GraphFault> {
      const answer = await call({
        method: 'GET',
        path: '/debug_token',
        bearer: `${app.appId}|${app.appSecret.reveal()}`,
        query: { input_token: accessToken.reveal() },
      })
      const body = bodyOf(answer, [app.appSecret, accessToken])
      return body.kind === 'body' ? readInspection(body.body) : body
    },

    /** The phone number's own page: does Meta answer, and may this token see the number? */
    async phoneNumber(phoneNumberId: string, accessToken: Secret): Promise<PhoneNumberNode | GraphFault> {
      const answer = await call({
        method: 'GET',
        path: `/${phoneNumberId}`,
        bearer: accessToken.reveal(),
        query: { fields: 'display_phone_number,verified_name,quality_rating' },
      })
      const body = bodyOf(answer, [accessToken])
      if (body.kind !== 'body') return body
      return {
        kind: 'phone-number',
        ...textField(body.body, 'display_phone_number', 'displayNumber'),
        ...textField(body.body, 'verified_name', 'verifiedName'),
        ...textField(body.body, 'quality_rating', 'qualityRating'),
      }
    },

    close: () => transport.close(),
  }

  async function call(request: GraphRequest): Promise<GraphAnswer> {
    const startedAt = performance.now()
    const answer = await transport.call({ ...request, path: `/${options.apiVersion}${request.path}` })
    options.onCall?.(callOutcome(answer), performance.now() - startedAt)
    return answer
  }
}

export type GraphClient = ReturnType<typeof createGraphClient>

/** @param hidden what the answer must not repeat */
function readSendAnswer(answer: GraphAnswer, hidden: string[]): Outcome {
  switch (answer.kind) {
    case 'unsent':
      return { kind: 'failed', failure: 'transient', detail: answer.detail }
    case 'unreadable':
      return { kind: 'ambiguous', detail: answer.detail }
    case 'answer': {
      const error = readGraphError(answer.statusCode, answer.body)
      if (error) return { kind: 'failed', ...classify(without(hidden, error)) }
      const providerMessageId = answer.statusCode === 200 ? acceptedId(answer.body) : undefined
      if (providerMessageId) return { kind: 'accepted', providerMessageId }
      return { kind: 'ambiguous', detail: `HTTP ${answer.statusCode} with neither an id nor an error` }
    }
  }
}

function bodyOf(answer: GraphAnswer, secrets: Secret[]): { kind: 'body'; body: unknown } | GraphFault {
  if (answer.kind !== 'answer') return { kind: 'unreachable', detail: answer.detail }
  const error = readGraphError(answer.statusCode, answer.body)
  if (error) {
    const hidden = secrets.map((secret) => secret.reveal())
    return { kind: 'refused', error: without(hidden, error) }
  }
  if (answer.statusCode === 200) return { kind: 'body', body: answer.body }
  return { kind: 'unreachable', detail: `HTTP ${answer.statusCode} without an error to read` }
}

/**
 * Meta's words go into logs, timelines and answers. They quote nothing of ours that we know of; should they ever, it is taken out.
 * Texts too short to be a secret stay, or a parameter `1` would tear every number apart.
 */
function without(hidden: string[], error: GraphError): GraphError {
  const clean = (text: string) =>
    hidden
      .filter(({ length }) => length >= 4)
      .reduce((rest, secret) => rest.replaceAll(secret, '[secret]'), text)
  const { message, details } = error
  return { ...error, message: clean(message), ...(details !== undefined && { details: clean(details) }) }
}

function textsOf(content: MessageContent): string[] {
  switch (content.type) {
    case 'otp':
      return [content.code]
    case 'template':
      return content.parameters
    case 'text':
      return [content.text]
  }
}

function readInspection(body: unknown): InspectedToken | GraphFault {
  const data = fieldOf(body, 'data')
  const isValid = fieldOf(data, 'is_valid')
  if (typeof isValid !== 'boolean')
    return { kind: 'unreachable', detail: 'debug_token answered without is_valid' }
  const appId = fieldOf(data, 'app_id')
  const scopes = fieldOf(data, 'scopes')
  const issuedAt = fieldOf(data, 'issued_at')
  const expiresAt = fieldOf(data, 'expires_at')
  const error = readGraphError(200, data)
  return {
    kind: 'inspected',
    isValid,
    ...(typeof appId === 'string' && { appId }),
    ...(Array.isArray(scopes) && { scopes: scopes.map(String) }),
    ...(typeof issuedAt === 'number' && { issuedAt: issuedAt * 1000 }),
    ...(typeof expiresAt === 'number' && { expiresAt: expiresAt > 0 ? expiresAt * 1000 : null }),
    ...(error && { error }),
  }
}

function textField<K extends string>(body: unknown, name: string, as: K): { [key in K]?: string } {
  const value = fieldOf(body, name)
  return (typeof value === 'string' ? { [as]: value } : {}) as { [key in K]?: string }
}

function callOutcome(answer: GraphAnswer): string {
  if (answer.kind !== 'answer') return answer.kind
  return answer.statusCode < 400 ? 'ok' : 'refused'
}
