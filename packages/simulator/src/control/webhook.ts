import type { FastifyInstance } from 'fastify'
import type { Simulator } from '../simulator.ts'
import { LARGEST_BATCH } from '../webhooks/batches.ts'
import { isWebUrl } from '../webhooks/endpoint.ts'
import { webhookGroupings, webhookVersions } from '../webhooks/payload.ts'
import type { WebhookHabits } from '../webhooks/sender.ts'
import type { SignatureFault } from '../webhooks/signatures.ts'
import { problem } from './problem.ts'

type Control = Pick<Simulator, 'webhooks' | 'state'>

const probability = { type: 'number', minimum: 0, maximum: 1 }

/** `POST /webhook`: what is left out stays; `url: null` stops the webhooks. */
const webhookBody = {
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  dependencies: { verifyToken: ['url'] },
  properties: {
    url: { type: ['string', 'null'] },
    verifyToken: { type: 'string', minLength: 1, maxLength: 512 },
    duplicateProbability: probability,
    swapProbability: probability,
    earlyProbability: probability,
    batchSize: { type: 'integer', minimum: 1, maximum: LARGEST_BATCH },
    grouping: { enum: webhookGroupings },
    version: { enum: webhookVersions },
    signatureFault: {
      type: ['object', 'null'],
      required: ['kind', 'times'],
      additionalProperties: false,
      properties: {
        kind: { enum: ['wrong', 'missing'] },
        times: { type: 'integer', minimum: 1, maximum: 1_000_000 },
      },
    },
  },
}

/** `POST /webhook/errors` */
const errorBody = {
  type: 'object',
  required: ['code'],
  additionalProperties: false,
  properties: { code: { type: 'integer', minimum: 0 }, phoneNumberId: { type: 'string' } },
}

type WebhookBody = Partial<WebhookHabits> & {
  url?: string | null
  verifyToken?: string
  signatureFault?: SignatureFault | null
}

/** Where webhooks go, how they behave, and how they fared. */
export function addWebhook(app: FastifyInstance, { webhooks, state }: Control): void {
  app.get('/webhook', () => ({ ...state().webhook, habits: webhooks.habits() }))
  app.get('/webhook/deliveries', () => ({ deliveries: webhooks.deliveries() }))
  app.post<{ Body: WebhookBody }>('/webhook', { schema: { body: webhookBody } }, ({ body }) => {
    const { url, verifyToken, signatureFault, ...habits } = body
    if (typeof url === 'string' && !isWebUrl(url)) throw problem(400, 'url must be an http(s) URL or null')
    webhooks.setHabits(habits)
    if (signatureFault !== undefined) webhooks.breakSignatures(signatureFault ?? undefined)
    if (url !== undefined) webhooks.setUrl(url ?? undefined, verifyToken)
    return state().webhook
  })
  app.post<{ Body: { code: number; phoneNumberId?: string } }>(
    '/webhook/errors',
    { schema: { body: errorBody } },
    ({ body }) => {
      webhooks.announceError(body.code, body.phoneNumberId)
      return state().webhook
    },
  )
}
