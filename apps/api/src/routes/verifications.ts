/** For apps: Relais makes the code, sends it, and says whether what was typed is that code. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { CODE_LENGTHS, MOST_WRONG, VERIFICATION_STATUSES } from '@relais/core'
import { Type, type Static } from 'typebox'
import { canonicalJson } from '../canonical-json.ts'
import { IsoTime, isoTime } from '../iso-time.ts'
import { appOf, type Access } from '../plugins/auth.ts'
import { problems } from '../problem.ts'
import { RESEND_WAYS, type ShownVerification, type Started, type Verify } from '../verify.ts'
import { REPEAT_HEADERS } from './message-answer.ts'
import { common, IdempotencyHeaders, language, templateName } from './message-request.ts'
import {
  CHECK_VERIFICATION_EXAMPLES,
  READ_VERIFICATION_EXAMPLES,
  RESEND_VERIFICATION_EXAMPLES,
  START_VERIFICATION_EXAMPLES,
} from './verification-examples.ts'

const SENDS: Access = { kind: 'app', scope: 'messages:send' }
const READS: Access = { kind: 'app', scope: 'messages:read' }
const ENDS: Access = { kind: 'app', scope: 'messages:end' }

const { least, most, usual } = CODE_LENGTHS
const closed = (title: string) => ({ title, additionalProperties: false })
const { to, reference, sourceIp } = common

/** As long as a code may be good for (NIST SP 800-63B). */
const MOST_TTL_SECONDS = 600

const StartSchema = Type.Object(
  {
    to,
    length: Type.Optional(
      Type.Integer({
        minimum: least,
        maximum: most,
        description: `a whole number from ${least} to ${most}: digits of the code; ${usual} unless given`,
      }),
    ),
    ttlSeconds: Type.Optional(
      Type.Integer({
        minimum: 30,
        maximum: MOST_TTL_SECONDS,
        description: `a whole number from 30 to ${MOST_TTL_SECONDS}: life of the code`,
      }),
    ),
    template: Type.Optional(templateName),
    language,
    reference,
    sourceIp,
  },
  closed('VerificationRequest'),
)

const CheckSchema = Type.Object(
  {
    code: Type.String({
      pattern: `^[0-9]{${least},${most}}$`,
      description: `what the person typed: a string of ${least} to ${most} digits`,
      examples: ['730914'],
    }),
  },
  closed('VerificationCheck'),
)

const ResendSchema = Type.Object(
  {
    via: Type.Optional(
      Type.Enum([...RESEND_WAYS], {
        description: 'one of whatsapp, fallback: the operators help at once; whatsapp unless given',
      }),
    ),
    sourceIp,
  },
  closed('ResendRequest'),
)

/** A request without a body asks for the same as an empty object. */
const ResendOrNothing = Type.Unsafe<Static<typeof ResendSchema> | null>({
  type: ['object', 'null'],
  properties: ResendSchema.properties,
  additionalProperties: false,
})

const id = Type.String({ examples: ['ver_momfOdbnqOJRBd7oljKAuA'] })
const messageId = Type.String({
  description: 'the message that brings the code',
  examples: ['msg_momfOdbnqOJRBd7oljKAuA'],
})
const resendAfterSeconds = Type.Union([Type.Integer(), Type.Null()], {
  description: 'from now; null: it is not sent again any more',
})

const StartedSchema = Type.Object(
  { id, messageId, expiresAt: IsoTime, resendAfterSeconds: Type.Integer({ description: 'from now' }) },
  {
    title: 'StartedVerification',
    headers: {
      Location: { type: 'string', description: 'where the verification is' },
      ...REPEAT_HEADERS,
    },
  },
)

const ResentSchema = Type.Object(
  { id, messageId, expiresAt: IsoTime, resendAfterSeconds, via: Type.Enum([...RESEND_WAYS]) },
  { title: 'ResentVerification', headers: REPEAT_HEADERS },
)

const CheckedSchema = Type.Object(
  {
    valid: Type.Boolean({ description: 'true once' }),
    attemptsLeft: Type.Optional(Type.Integer({ minimum: 0, maximum: MOST_WRONG })),
  },
  { title: 'CheckedVerification', headers: REPEAT_HEADERS },
)

const VerificationSchema = Type.Object(
  {
    id,
    status: Type.Enum([...VERIFICATION_STATUSES], { title: 'VerificationStatus' }),
    attemptsLeft: Type.Integer({ minimum: 0, maximum: MOST_WRONG }),
    expiresAt: IsoTime,
    messageId,
    resendsLeft: Type.Integer(),
    resendAfterSeconds,
  },
  { title: 'Verification' },
)

export function verificationRoutes(deps: { verify: Verify }): FastifyPluginAsyncTypebox {
  const { verify } = deps
  return async (app) => {
    const shared = { tags: ['verifications'] }
    const one = { ...shared, params: Type.Object({ id: Type.String() }) }

    app.post(
      '/api/verifications',
      {
        config: { access: SENDS, examples: START_VERIFICATION_EXAMPLES },
        schema: {
          ...shared,
          headers: IdempotencyHeaders,
          operationId: 'startVerification',
          summary: 'Start a verification',
          description:
            'Makes a code and sends it as a message of type otp: the same limits, the same refusals, and with an Idempotency-Key a repeat ' +
            `finds the same verification. The code is told to nobody but the recipient. ${MOST_WRONG} wrong answers end it. 429 recipient_limited ` +
            'also where there were too many wrong answers in a row for this recipient.',
          body: StartSchema,
          response: {
            202: StartedSchema,
            ...problems(400, 413, 415, 503, {
              403: ['recipient_not_in_team'],
              422: ['idempotency_mismatch', 'country_refused'],
              429: ['recipient_limited', 'app_limited', 'source_limited', 'prefix_limited'],
            }),
          },
        },
      },
      async (request, reply) => {
        const key = request.headers['idempotency-key']
        const idempotency =
          key === undefined ? undefined : { key, body: canonicalJson({ verify: request.body }) }
        const started = await verify.start(appOf(request), request.body, idempotency)
        if (started.isRepeat) reply.header('idempotency-replayed', 'true')
        const resendAfter = secondsOf(started.resendAfterMs) ?? 0
        return reply
          .code(202)
          .header('location', `/api/verifications/${started.id}`)
          .send({ ...shownStart(started), resendAfterSeconds: resendAfter })
      },
    )

    app.get(
      '/api/verifications/:id',
      {
        config: { access: READS, examples: READ_VERIFICATION_EXAMPLES },
        schema: {
          ...one,
          operationId: 'getVerification',
          summary: 'What is known of a verification',
          description: 'Never its code. It is kept an hour after its deadline.',
          response: { 200: VerificationSchema, ...problems(404, 503) },
        },
      },
      async (request) => shown(await verify.read(appOf(request), request.params.id)),
    )

    app.post(
      '/api/verifications/:id/check',
      {
        config: { access: ENDS, examples: CHECK_VERIFICATION_EXAMPLES },
        schema: {
          ...one,
          headers: IdempotencyHeaders,
          operationId: 'checkVerification',
          summary: 'Is this the code?',
          description:
            'true once: it ends the verification and counts as used on its messages. A body that is not digits is a 422 and no try. 410 ' +
            'verification_ended: it was right before, there were too many wrong answers, its time is over, or one of its messages was used or ' +
            'canceled. With an Idempotency-Key the same code again gets the same answer, and is not counted again.',
          body: CheckSchema,
          response: {
            200: CheckedSchema,
            ...problems(400, 404, 413, 415, 422, 503, { 410: ['verification_ended'] }),
          },
        },
      },
      async (request, reply) => {
        const key = request.headers['idempotency-key']
        const { isRepeat, ...answer } = await verify.check(
          appOf(request),
          request.params.id,
          request.body.code,
          key,
        )
        if (isRepeat) reply.header('idempotency-replayed', 'true')
        return answer
      },
    )

    app.post(
      '/api/verifications/:id/resend',
      {
        config: {
          access: SENDS,
          documentedBody: Type.Union([ResendSchema, Type.Null()]),
          examples: RESEND_VERIFICATION_EXAMPLES,
        },
        schema: {
          ...one,
          headers: IdempotencyHeaders,
          operationId: 'resendVerification',
          summary: 'Send the code again',
          description:
            'The same code until the same deadline, with the tries that are left. One more message, refused like any; or with via fallback the last ' +
            'one goes to the operators at once, because WhatsApp is silent: 409 already_ended once it has been delivered. 429 resend_too_soon: ' +
            'not before resendAfterSeconds, and three times at most. 410 verification_ended also with less than 30 s of life left.',
          body: ResendOrNothing,
          response: {
            202: ResentSchema,
            ...problems(400, 404, 413, 415, 503, {
              403: ['recipient_not_in_team'],
              422: ['idempotency_mismatch', 'country_refused'],
              429: [
                'recipient_limited',
                'app_limited',
                'source_limited',
                'prefix_limited',
                'resend_too_soon',
              ],
              409: ['already_ended'],
              410: ['verification_ended'],
            }),
          },
        },
      },
      async (request, reply) => {
        const { via = 'whatsapp', sourceIp: source } = request.body ?? {}
        const repeat = request.headers['idempotency-key']
        const resent = await verify.resend(appOf(request), request.params.id, {
          via,
          ...(source !== undefined && { sourceIp: source }),
          ...(repeat !== undefined && { repeat }),
        })
        if (resent.isRepeat) reply.header('idempotency-replayed', 'true')
        const answer = { ...shownStart(resent), resendAfterSeconds: secondsOf(resent.resendAfterMs), via }
        return reply.code(202).send(answer)
      },
    )
  }
}

function shownStart(started: Pick<Started, 'id' | 'messageId' | 'expiresAt'>) {
  return { id: started.id, messageId: started.messageId, expiresAt: isoTime(started.expiresAt) }
}

function shown({ status, wrong, resendsLeft, resendAfterMs, ...rest }: ShownVerification) {
  return {
    ...shownStart(rest),
    status,
    attemptsLeft: status === 'pending' ? MOST_WRONG - wrong : 0,
    resendsLeft: status === 'pending' ? resendsLeft : 0,
    resendAfterSeconds: status === 'pending' ? secondsOf(resendAfterMs) : null,
  }
}

function secondsOf(ms: number | null): number | null {
  return ms === null ? null : Math.ceil(ms / 1000)
}
