import type { FastifyInstance } from 'fastify'
import type { Simulator } from '../simulator.ts'
import { profilesByName } from '../world/recipient-profiles.ts'
import type { RecipientChanges } from '../world/recipients.ts'
import { problem } from './problem.ts'

type Control = Pick<Simulator, 'recipients' | 'inbound'>

const flag = { type: 'boolean' }

/** `POST /recipients`: one number, or all that fit a pattern. */
const recipientBody = {
  type: 'object',
  additionalProperties: false,
  minProperties: 2,
  oneOf: [{ required: ['number'] }, { required: ['pattern'] }],
  properties: {
    number: { type: 'string', pattern: '^\\+[1-9][\\d() -]{6,20}$' },
    pattern: { type: 'string', pattern: '^(\\*|\\+[\\d*?]{1,20})$' },
    profile: { enum: [...profilesByName.keys()] },
    isOff: flag,
    hasNoWhatsApp: flag,
    hasBlockedUs: flag,
    hasReceiptsOff: flag,
    offUntil: { type: 'integer', minimum: 0 },
    offForSeconds: { type: 'number', minimum: 0, maximum: 1_000_000_000 },
    expiresWith: { enum: [131043, 131026, null] },
  },
}

/** `POST /inbound`: a text from a number, or the button under a code. */
const inboundBody = {
  type: 'object',
  oneOf: [
    {
      required: ['number', 'text'],
      additionalProperties: false,
      properties: { number: { type: 'string' }, text: { type: 'string' } },
    },
    {
      required: ['didNotRequestCode'],
      additionalProperties: false,
      properties: { didNotRequestCode: { type: 'string' } },
    },
  ],
}

type RecipientBody = RecipientChanges & { number?: string; pattern?: string }
type InboundBody = { number: string; text: string } | { didNotRequestCode: string }

/** What the recipients' phones do, and what people write. */
export function addPeople(app: FastifyInstance, { recipients, inbound }: Control): void {
  const list = () => ({ recipients: recipients.list(), profiles: [...profilesByName.keys()] })
  app.get('/recipients', list)
  app.post<{ Body: RecipientBody }>('/recipients', { schema: { body: recipientBody } }, ({ body }) => {
    const { number, pattern, ...changes } = body
    recipients.set(number ?? pattern ?? '', changes)
    return list()
  })
  app.delete('/recipients', () => {
    recipients.clear()
    return list()
  })
  app.post<{ Body: InboundBody }>('/inbound', { schema: { body: inboundBody } }, ({ body }, reply) => {
    const { id, problem: refusal } =
      'text' in body
        ? inbound.reply(body.number, body.text)
        : inbound.didNotRequestCode(body.didNotRequestCode)
    if (refusal !== undefined) throw problem(409, refusal)
    return reply.code(201).send({ id })
  })
}
