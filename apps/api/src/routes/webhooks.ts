/** For Meta: its verification, and its receipts. Verify the bytes, do what they say, answer. */
import { createHash, timingSafeEqual } from 'node:crypto'
import {
  isSignedByMeta,
  readNotices,
  readReceipts,
  type Ours,
  type Receipt,
  type Secret,
  type Traceparent,
} from '@relais/core'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Examples } from '../documented.ts'
import { ProblemError, problems, refuseAsUnavailable } from '../problem.ts'
import { parseStrictJson } from '../strict-json.ts'
import type { TakeReceipts } from '../take-receipts.ts'

/**
 * The replay window. No message is on record for longer: an older receipt is about nothing we know, however often it is sent again. Within
 * it a repeat changes nothing, because a message moves only once along each way.
 */
const RECEIPTS_COUNT_MS = 25 * 3600_000

/** Meta sends so many at most, in up to 3 MB. */
const MOST_UPDATES = 1000
const BODY_LIMIT_BYTES = 3 * 1024 * 1024

/** As far as a route can say: what Meta sends is read field by field, and what we do not know is passed over. */
const WebhookBody = Type.Object(
  { object: Type.String(), entry: Type.Array(Type.Object({}, { additionalProperties: true })) },
  { title: 'MetaWebhook' },
)

const VERIFICATION: Examples = {
  verified: {
    summary: "Meta's challenge goes back as it came",
    query: {
      'hub.mode': 'subscribe',
      'hub.challenge': '1158201444',
      'hub.verify_token': 'example-verify-token',
    },
    status: 200,
    answer: '1158201444',
  },
}

const RECEIPTS: Examples = {
  delivered: {
    summary: 'A message was delivered',
    body: {
      object: 'whatsapp_business_account',
      entry: [
        {
          id: '102290129340398',
          changes: [
            {
              field: 'messages',
              value: {
                messaging_product: 'whatsapp',
                metadata: { display_phone_number: '221338000000', phone_number_id: '106540352242922' },
                statuses: [{ id: 'wamid.example', status: 'delivered', timestamp: '1795364269' }],
              },
            },
          ],
        },
      ],
    },
    status: 200,
    answer: {},
  },
}

/**
 * @param deps.verifyToken what was typed into Meta's form; without it verification is refused
 * @param deps.ours the number and account whose webhooks count
 * @param deps.appSecrets those a receipt may be signed with now; without any no receipt is accepted
 */
export function webhookRoutes(deps: {
  verifyToken: Secret | undefined
  ours: Ours
  appSecrets: () => Promise<Secret[]>
  takeReceipts: TakeReceipts
  /** Told where a webhook came from that was not signed with our app secret. */
  onRefused: (address: string) => void
}): FastifyPluginAsyncTypebox {
  return async (app) => {
    const shared = { tags: ['machines'] }
    // The signature is over the bytes: they are read as JSON once it fits.
    app.removeContentTypeParser('application/json')
    app.addContentTypeParser(
      'application/json',
      { parseAs: 'buffer', bodyLimit: BODY_LIMIT_BYTES },
      (_request, body, done) => done(null, body),
    )

    app.get(
      '/api/webhooks/whatsapp',
      {
        config: { access: 'signed', examples: VERIFICATION },
        schema: {
          ...shared,
          operationId: 'verifyWebhook',
          summary: "Meta's verification of the webhook",
          querystring: Type.Object({
            'hub.mode': Type.Optional(Type.String({ maxLength: 64 })),
            'hub.challenge': Type.Optional(Type.String({ maxLength: 1024 })),
            'hub.verify_token': Type.Optional(Type.String({ maxLength: 4096 })),
          }),
          response: { 200: Type.String(), ...problems(403, 422) },
        },
      },
      async (request, reply) => {
        const { 'hub.mode': mode, 'hub.challenge': challenge, 'hub.verify_token': token } = request.query
        if (mode !== 'subscribe' || challenge === undefined || !isSame(token, deps.verifyToken)) {
          throw new ProblemError(403, 'forbidden', 'This is not the verify token of this webhook.')
        }
        return reply.type('text/plain; charset=utf-8').send(challenge)
      },
    )

    app.post(
      '/api/webhooks/whatsapp',
      {
        config: { access: 'signed', documentedBody: WebhookBody, examples: RECEIPTS },
        schema: {
          ...shared,
          operationId: 'receiveWebhook',
          summary: 'Receipts',
          response: { 200: Type.Object({}), ...problems(400, 401, 413, 415, 503) },
        },
      },
      async (request) => {
        const rawBody = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
        const appSecrets = await deps.appSecrets().catch(refuseAsUnavailable)
        if (!isSignedByMeta(rawBody, signatureOf(request.headers), appSecrets)) {
          deps.onRefused(request.ip)
          throw new ProblemError(
            401,
            'unauthorized',
            'X-Hub-Signature-256 does not fit the body and our app secret.',
          )
        }
        // Anything but 200 makes Meta come again: right while Redis is away.
        await accept(parseStrictJson(rawBody), request.span?.traceparent).catch(refuseAsUnavailable)
        return {}
      },
    )

    async function accept(body: unknown, webhook: Traceparent | undefined): Promise<void> {
      const isLive = ({ at }: Receipt) => at >= Date.now() - RECEIPTS_COUNT_MS
      const updates = readReceipts(body, deps.ours)
      const notices = readNotices(body, deps.ours)
      if (updates.length + notices.length > MOST_UPDATES) {
        throw new ProblemError(413, 'payload_too_large', `There are more than ${MOST_UPDATES} updates.`)
      }
      await deps.takeReceipts(updates.filter(isLive), notices, webhook)
    }
  }
}

function signatureOf(headers: Record<string, string | string[] | undefined>): string | undefined {
  const header = headers['x-hub-signature-256']
  return typeof header === 'string' ? header : undefined
}

function isSame(token: string | undefined, expected: Secret | undefined): boolean {
  if (token === undefined || !expected) return false
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(token), digest(expected.reveal()))
}
