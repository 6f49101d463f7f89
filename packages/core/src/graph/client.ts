/**
 * Meta's Graph API, as far as Relais uses it. One call in, one answer as data out: nothing is thrown, and nothing that comes
 * out holds a token or a code. Knows nothing of Redis or queues.
 */
import { createHmac } from 'node:crypto'
import type { Message, MessageContent } from '../message.ts'
import type { GraphError, Outcome } from '../outcome.ts'
import { Secret } from '../secret.ts'
import type {
  AppCredentials,
  Bearer,
  ConfirmedApp,
  ExchangedToken,
  GraphFault,
  InspectedToken,
  MessageTemplates,
  NodeHealth,
  PhoneNumberNode,
  SubscribedApps,
} from './answers.ts'
import { classify } from './failures.ts'
import { readHealth, readPhoneNumber, readSubscribedApps, readTemplates } from './nodes.ts'
import { createTransport, type GraphAnswer, type GraphRequest } from './transport.ts'
import { acceptedId, fieldOf, readGraphError, sendBody } from './wire.ts'

/** What claims to live longer is not believed. */
const LONGEST_LIFE_SECONDS = 10 * 365 * 24 * 3600
/** The end of the year 9999. */
const LAST_MOMENT_SECONDS = 253_402_300_799

/**
 * @param options.apiVersion such as `v26.0`
 * @param options.timeoutMs one call, from connect to the last byte
 * @param options.appSecretProof sign every token with its app secret (Meta, "Secure Graph API Calls")
 * @param options.onCall told of each call: what it was, how it went, how long it took in milliseconds
 */
export function createGraphClient(options: {
  baseUrl: string
  apiVersion: string
  timeoutMs: number
  maxSockets: number
  appSecretProof?: boolean
  onCall?: (outcome: string, durationMs: number) => void
}) {
  const transport = createTransport(options)

  return {
    /** Sends one message from `phoneNumberId`. */
    async send(
      phoneNumberId: string,
      bearer: Bearer,
      message: Pick<Message, 'id' | 'to' | 'template' | 'language'>,
      content: MessageContent,
    ): Promise<Outcome> {
      const answer = await call({
        method: 'POST',
        path: `/${phoneNumberId}/messages`,
        ...signed(bearer),
        body: sendBody(message, content),
      })
      return readSendAnswer(answer, [bearer.accessToken.reveal(), ...textsOf(content)])
    },

    /**
     * Trades a live token for a new one (Meta, "Long-Lived Access Tokens", "System users"). The old one stays valid.
     *
     * @param how.forSystemUser asks for a life of sixty days, which only tokens of system users can be given
     */
    async exchange(
      app: AppCredentials,
      accessToken: Secret,
      how: { forSystemUser: boolean },
    ): Promise<ExchangedToken | GraphFault> {
      const answer = await call({
        method: 'GET',
        path: '/oauth/access_token',
        query: {
          grant_type: 'fb_exchange_token',
          client_id: app.appId,
          client_secret: app.appSecret.reveal(),
          fb_exchange_token: accessToken.reveal(),
          ...(how.forSystemUser && { set_token_expires_in_60_days: 'true' }),
        },
      })
      const body = bodyOf(answer, [app.appSecret, accessToken])
      if (body.kind !== 'body') return body
      const text = fieldOf(body.body, 'access_token')
      if (typeof text !== 'string' || text === '') {
        return { kind: 'unreachable', detail: 'the answer to the exchange holds no token' }
      }
      const expiresIn = fieldOf(body.body, 'expires_in')
      const isLife = typeof expiresIn === 'number' && expiresIn > 0 && expiresIn <= LONGEST_LIFE_SECONDS
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
        ...signed(
          { accessToken: new Secret(`${app.appId}|${app.appSecret.reveal()}`), appSecret: app.appSecret },
          { input_token: accessToken.reveal() },
        ),
      })
      const body = bodyOf(answer, [app.appSecret, accessToken])
      return body.kind === 'body' ? readInspection(body.body) : body
    },

    /**
     * The phone number's own page: does Meta answer, and may this token see the number?
     *
     * @param also more fields to ask for. One that the number does not have makes the whole call fail (reported once)
     */
    async phoneNumber(
      phoneNumberId: string,
      bearer: Bearer,
      also: readonly ('status' | 'throughput' | 'whatsapp_business_manager_messaging_limit')[] = [],
    ): Promise<PhoneNumberNode | GraphFault> {
      const fields = ['display_phone_number', 'verified_name', 'quality_rating', ...also].join(',')
      const body = await read(`/${phoneNumberId}`, bearer, { fields })
      return body.kind === 'body' ? readPhoneNumber(body.body) : body
    },

    /** Meta's verdict on a number or a business account (`health_status`). */
    async health(nodeId: string, bearer: Bearer): Promise<NodeHealth | GraphFault> {
      const body = await read(`/${nodeId}`, bearer, { fields: 'health_status' })
      return body.kind === 'body' ? readHealth(body.body) : body
    },

    /**
     * The templates of a business account whose name is `name`, or holds it.
     *
     * @param also more fields to ask for, as above
     */
    async templates(
      businessId: string,
      bearer: Bearer,
      name: string,
      also: readonly 'message_send_ttl_seconds'[] = [],
    ): Promise<MessageTemplates | GraphFault> {
      const fields = ['name', 'language', 'status', 'category', ...also].join(',')
      const body = await read(`/${businessId}/message_templates`, bearer, { name, fields, limit: '100' })
      return body.kind === 'body' ? readTemplates(body.body) : body
    },

    /** Which apps get the webhooks of a business account. */
    async subscribedApps(businessId: string, bearer: Bearer): Promise<SubscribedApps | GraphFault> {
      const body = await read(`/${businessId}/subscribed_apps`, bearer)
      return body.kind === 'body' ? readSubscribedApps(body.body) : body
    },

    /** Do app id and secret belong together? Asks for an app token (`client_credentials`) and drops it. */
    async confirmApp(app: AppCredentials): Promise<ConfirmedApp | GraphFault> {
      const query = {
        grant_type: 'client_credentials',
        client_id: app.appId,
        client_secret: app.appSecret.reveal(),
      }
      const answer = await call({ method: 'GET', path: '/oauth/access_token', query })
      const body = bodyOf(answer, [app.appSecret])
      return body.kind === 'body' ? { kind: 'app' } : body
    },

    /** Ends the calls that are in flight: what was sent is then `ambiguous`. No others begin. */
    close: () => transport.close(),
  }

  function signed(
    { accessToken, appSecret }: Bearer,
    query: Record<string, string> = {},
  ): Pick<GraphRequest, 'bearer' | 'query'> {
    const bearer = accessToken.reveal()
    const proof = options.appSecretProof && appSecret && appSecretProof(bearer, appSecret)
    return { bearer, query: proof ? { ...query, appsecret_proof: proof } : query }
  }

  async function read(path: string, bearer: Bearer, query: Record<string, string> = {}) {
    const answer = await call({ method: 'GET', path, ...signed(bearer, query) })
    return bodyOf(answer, [bearer.accessToken])
  }

  async function call(request: GraphRequest): Promise<GraphAnswer> {
    const startedAt = performance.now()
    const answer = await transport.call({ ...request, path: `/${options.apiVersion}${request.path}` })
    options.onCall?.(callOutcome(answer), performance.now() - startedAt)
    return answer
  }
}

/** Shows Meta that the caller holds the app secret, not only a token that leaked. */
function appSecretProof(accessToken: string, appSecret: Secret): string {
  return createHmac('sha256', appSecret.reveal()).update(accessToken).digest('hex')
}

export type GraphClient = ReturnType<typeof createGraphClient>

/** @param hidden what the answer must not repeat */
function readSendAnswer(answer: GraphAnswer, hidden: string[]): Outcome {
  switch (answer.kind) {
    case 'unsent':
      return answer
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

/** Seconds since 1970 that a calendar knows. */
function isMoment(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= LAST_MOMENT_SECONDS
}

function readInspection(body: unknown): InspectedToken | GraphFault {
  const data = fieldOf(body, 'data')
  const isValid = fieldOf(data, 'is_valid')
  if (typeof isValid !== 'boolean')
    return { kind: 'unreachable', detail: 'debug_token answered without is_valid' }
  const appId = fieldOf(data, 'app_id')
  const type = fieldOf(data, 'type')
  const scopes = fieldOf(data, 'scopes')
  const issuedAt = fieldOf(data, 'issued_at')
  const expiresAt = fieldOf(data, 'expires_at')
  const error = readGraphError(200, data)
  return {
    kind: 'inspected',
    isValid,
    ...(typeof appId === 'string' && { appId }),
    ...(typeof type === 'string' && { type }),
    ...(Array.isArray(scopes) && { scopes: scopes.map(String) }),
    ...(isMoment(issuedAt) && { issuedAt: issuedAt * 1000 }),
    ...(isMoment(expiresAt) && { expiresAt: expiresAt > 0 ? expiresAt * 1000 : null }),
    ...(error && { error }),
  }
}

function callOutcome(answer: GraphAnswer): string {
  if (answer.kind !== 'answer') return answer.kind
  return answer.statusCode < 400 ? 'ok' : 'refused'
}
