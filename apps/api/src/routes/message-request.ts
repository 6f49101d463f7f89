/** What an app may send: the shape of a message in a request. */
import { Type } from 'typebox'
import type { MessageRequest } from '../new-message.ts'

/** No control characters but line feed and tab, no half characters: what a phone can show. */
const TEXT = '^[^\\u0000-\\u0008\\u000B-\\u001F\\u007F\\uD800-\\uDFFF]*$'
const LINE = '^[^\\u0000-\\u001F\\u007F\\uD800-\\uDFFF]*$'

/** What every kind of message may have. */
export const common = {
  to: Type.String({
    maxLength: 32,
    description: 'the recipient in E.164, with +',
    examples: ['+221771234567'],
  }),
  ttlSeconds: Type.Optional(
    Type.Integer({
      minimum: 30,
      maximum: 900,
      description: 'a whole number from 30 to 900: life of the message',
    }),
  ),
  deliverWithinSeconds: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 900,
      description: 'a whole number from 1 to 900: not on its way by then, it goes to the fallback',
    }),
  ),
  reference: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 128,
      pattern: LINE,
      description: 'up to 128 characters of your own; returned, never sent',
    }),
  ),
  sourceIp: Type.Optional(
    Type.String({
      pattern: '^[0-9A-Fa-f:.]{2,45}$',
      description:
        'an IPv4 or IPv6 address: that of the person who asked for the message, as your server sees it; counted, never kept',
      examples: ['196.207.1.20'],
    }),
  ),
}

export const templateName = Type.String({
  pattern: '^[a-z0-9_]{1,512}$',
  description: 'a template name of a-z 0-9 _',
})
export const language = Type.Optional(
  Type.String({ pattern: '^[a-z]{2,3}(_[A-Z]{2})?$', description: 'a language such as fr or en_US' }),
)
const closed = (title: string) => ({ title, additionalProperties: false })

export const code = Type.String({
  pattern: '^[A-Za-z0-9-]{4,15}$',
  description: 'a string of 4 to 15 of A-Z a-z 0-9 -',
  examples: ['482913'],
})

const OtpSchema = Type.Object(
  {
    type: Type.Literal('otp'),
    code,
    template: Type.Optional(templateName),
    language,
    ...common,
  },
  closed('OtpRequest'),
)

const TemplateSchema = Type.Object(
  {
    type: Type.Literal('template'),
    template: templateName,
    language,
    parameters: Type.Optional(
      Type.Array(
        Type.String({
          minLength: 1,
          maxLength: 1024,
          pattern: LINE,
          description: '1 to 1024 characters on one line',
        }),
        { maxItems: 32, description: 'at most 32 parameters, in the order of the template' },
      ),
    ),
    ...common,
  },
  closed('TemplateRequest'),
)

const TextSchema = Type.Object(
  {
    type: Type.Literal('text'),
    text: Type.String({ minLength: 1, maxLength: 4096, pattern: TEXT, description: '1 to 4096 characters' }),
    ...common,
  },
  closed('TextRequest'),
)

/** `oneOf` with a discriminator, so that faults are told of the kind that was meant and not of all three. */
export const MessageRequestSchema = Type.Unsafe<MessageRequest>({
  title: 'MessageRequest',
  type: 'object',
  discriminator: { propertyName: 'type' },
  oneOf: [OtpSchema, TemplateSchema, TextSchema],
})

/** A header of the routes that accept. Its description reads on after "must be". */
export const IdempotencyHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      pattern: '^[\\x21-\\x7E]{1,128}$',
      description:
        '1 to 128 visible ASCII characters without spaces: for 24 hours the same request with the same key gets the same answer',
    }),
  ),
})
