import { callKinds } from '../graph/call-log.ts'

const text = { type: 'string', minLength: 1 }
const count = { type: 'integer', minimum: 0, maximum: 1_000_000_000 }

/** A fault of one kind with exactly its own fields. */
function fault(kind: string, fields: Record<string, object>): object {
  return {
    type: 'object',
    required: ['kind', ...Object.keys(fields).filter((field) => field !== 'subcode')],
    additionalProperties: false,
    properties: {
      kind: { const: kind },
      ...fields,
      to: text,
      on: { enum: [...callKinds, 'any'] },
      times: { type: 'integer', minimum: 1, maximum: 1_000_000 },
      probability: { type: 'number', minimum: 0, maximum: 1 },
      forSeconds: { type: 'number', minimum: 0, maximum: 1_000_000_000 },
    },
  }
}

/** `POST /faults` */
export const faultsBody = {
  type: 'object',
  required: ['faults'],
  additionalProperties: false,
  properties: {
    faults: {
      type: 'array',
      maxItems: 1000,
      items: {
        type: 'object',
        required: ['kind'],
        discriminator: { propertyName: 'kind' },
        oneOf: [
          fault('error', { code: count, subcode: count }),
          fault('html', { statusCode: { type: 'integer', minimum: 200, maximum: 599 } }),
          fault('reset', { accepted: { type: 'boolean' } }),
          fault('stall', {
            ms: { type: 'integer', minimum: 0, maximum: 600_000 },
            accepted: { type: 'boolean' },
          }),
          fault('garbage', {}),
          fault('none', {}),
        ],
      },
    },
  },
}

/** `POST /tokens` */
export const tokenRequestBody = {
  type: 'object',
  additionalProperties: false,
  properties: {
    type: { enum: ['SYSTEM_USER', 'USER'] },
    userId: { type: 'string', pattern: '^\\d{1,32}$' },
    lifeSeconds: count,
    scopes: { type: 'array', items: text, maxItems: 20 },
  },
}

/** `POST /app-secret` */
export const appSecretBody = {
  type: 'object',
  required: ['appSecret'],
  additionalProperties: false,
  properties: { appSecret: { type: 'string', pattern: '^[\\x21-\\x7e]{1,512}$' } },
}

/** `POST /tokens/revoke` and `/tokens/expire`: the token, or its fingerprint from `GET /tokens`. */
export const tokenBody = {
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  maxProperties: 1,
  properties: { accessToken: text, fingerprint: text },
}
