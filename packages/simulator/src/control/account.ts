import type { FastifyInstance } from 'fastify'
import type { Simulator } from '../simulator.ts'
import { problem } from './problem.ts'
import {
  messagingLimits,
  nameStatuses,
  numberStatuses,
  pairLimitModes,
  qualityRatings,
  standings,
  type AccountChanges,
} from '../world/account-state.ts'
import { qualityScores, templateCategories, templateStatuses } from '../world/template.ts'
import type { TemplateChanges } from '../world/templates.ts'

const flag = { type: 'boolean' }
const count = { type: 'integer', minimum: 0, maximum: 1_000_000_000 }
const text = { type: 'string', minLength: 1, maxLength: 512 }
const recipient = { type: 'string', pattern: '^\\+\\d{7,15}$' }

function someOf(properties: Record<string, object>): object {
  return { type: 'object', additionalProperties: false, minProperties: 1, properties }
}

const numberChanges = {
  ...someOf({
    id: { type: 'string', pattern: '^\\d{1,32}$' },
    displayPhoneNumber: { type: 'string', pattern: '^\\d{7,15}$' },
    verifiedName: text,
    qualityRating: { enum: qualityRatings },
    status: { enum: numberStatuses },
    nameStatus: { enum: nameStatuses },
    isRegistered: flag,
    pin: { anyOf: [{ type: 'null' }, { type: 'string', pattern: '^\\d{6}$' }] },
    throughputPerSecond: count,
    isUpgrading: flag,
    accountMode: { enum: ['LIVE', 'SANDBOX'] },
    allowedRecipients: { type: 'array', maxItems: 5, items: recipient },
  }),
  required: ['id'],
}

/** `PATCH /account`: what is left out stays. */
const accountBody = someOf({
  app: someOf({ requireProof: flag, callsPerHour: count }),
  business: someOf({
    standing: { enum: standings },
    isInMaintenance: flag,
    hasPaymentProblem: flag,
    isVerified: flag,
    messagingLimit: { enum: messagingLimits },
    managementCallsPerHour: { anyOf: [{ type: 'null' }, count] },
    templateReviewSeconds: count,
  }),
  numbers: { type: 'array', minItems: 1, maxItems: 20, items: numberChanges },
  limits: someOf({ pair: { enum: pairLimitModes }, hasRetryAfter: flag }),
})

/** `PATCH /templates/{id}` */
const templateBody = someOf({
  status: { enum: templateStatuses },
  qualityScore: { enum: qualityScores },
  category: { enum: templateCategories },
  rejectedReason: text,
})

/** The business side: app, business, numbers, limits, templates. */
export function addAccount(app: FastifyInstance, simulator: Pick<Simulator, 'account' | 'templates'>): void {
  const { account, templates } = simulator
  app.get('/account', () => account.read())
  app.patch<{ Body: AccountChanges }>('/account', { schema: { body: accountBody } }, ({ body }) => {
    try {
      return account.update(body)
    } catch (error) {
      throw error instanceof RangeError ? problem(400, error.message) : error
    }
  })
  app.get('/templates', () => ({ templates: templates.all() }))
  app.patch<{ Params: { id: string }; Body: TemplateChanges }>(
    '/templates/:id',
    { schema: { body: templateBody } },
    ({ params, body }) => {
      const template = templates.update(params.id, body)
      if (template === undefined) throw problem(404, 'no template has this id')
      return template
    },
  )
}
