/** For Supabase Auth: its send-SMS hook. Verify the bytes, make a message of what they ask for, accept it like any other. */
import { createHash, randomBytes } from 'node:crypto'
import { Secret, type AppCaller } from '@relais/core'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type, type Static } from 'typebox'
import type { AcceptMessages } from '../accept-messages.ts'
import { canonicalJson } from '../canonical-json.ts'
import type { Examples } from '../documented.ts'
import type { MessageRequest } from '../new-message.ts'
import { invalid, invalidRequest } from '../plugins/problems.ts'
import { ProblemError, problems } from '../problem.ts'
import { aboutRequest } from '../request-id.ts'
import { isStandardWebhook } from '../standard-webhook.ts'
import { parseStrictJson } from '../strict-json.ts'
import type { HookSecrets } from '../supabase-settings.ts'
import { code } from './message-request.ts'

/** A whole user is in it, with what its owner and its providers have put there. */
const BODY_LIMIT_BYTES = 256 * 1024

/** Compared with where an app has no secret, so that it takes as long. */
const NOBODYS = [new Secret(`whsec_${randomBytes(32).toString('base64')}`)]

const phone = (description: string) =>
  Type.Optional(
    Type.String({
      maxLength: 32,
      description: `a phone number in E.164, with or without +: ${description}`,
      examples: ['221771234567'],
    }),
  )

/** Of what Supabase sends, what a message is made of. */
const HookBody = Type.Object(
  {
    user: Type.Object(
      { phone: phone("the user's") },
      { description: 'an object with the phone of the user', additionalProperties: true },
    ),
    sms: Type.Object(
      { otp: code, phone: phone('where the code goes; versions before September 2025 do not say it') },
      { description: 'an object with the otp', additionalProperties: true },
    ),
  },
  { title: 'SupabaseSmsHook', additionalProperties: true },
)

const HookAnswer = Type.Object(
  {
    error: Type.Optional(
      Type.Object(
        { http_code: Type.Integer(), message: Type.String() },
        { description: 'Why no message was accepted: the status and detail that POST /api/messages answers' },
      ),
    ),
  },
  { title: 'SupabaseHookAnswer' },
)

const params = Type.Object({
  app: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$', description: 'the name of an app' }),
})

const EXAMPLES: Examples = {
  code: {
    summary: 'A code for a user of Supabase',
    params: { app: 'wallet' },
    body: {
      user: { id: '6481a5c1-3d37-4a56-9f6a-bee08c554965', role: 'authenticated', phone: '221771234568' },
      sms: { otp: '561166' },
    },
    status: 200,
    answer: {},
  },
  badNumber: {
    summary: 'A number that cannot exist: Supabase tells it to the one who logs in',
    params: { app: 'wallet' },
    body: { user: { phone: '221000' }, sms: { otp: '561166' } },
    status: 200,
    answer: {
      error: {
        http_code: 422,
        message:
          '/to must be a phone number that can exist, as + and country code and number: +221771234567.',
      },
    },
  },
}

export type SupabaseDeps = {
  acceptMessages: AcceptMessages
  /** An app without one has no hook. */
  secrets: HookSecrets
  /** Told where a request came from that was not signed with a secret of its app. */
  onRefused: (address: string) => void
  /** Milliseconds since 1970. */
  now: () => number
}

export function supabaseRoutes(deps: SupabaseDeps): FastifyPluginAsyncTypebox {
  const { acceptMessages, secrets, onRefused, now } = deps
  return async (app) => {
    // The signature is over the bytes: they are read as JSON once it fits.
    app.removeContentTypeParser('application/json')
    app.addContentTypeParser(
      'application/json',
      { parseAs: 'buffer', bodyLimit: BODY_LIMIT_BYTES },
      (_request, body, done) => done(null, body),
    )

    app.post(
      '/api/integrations/supabase/:app',
      {
        config: { access: 'hook', documentedBody: HookBody, examples: EXAMPLES },
        schema: {
          tags: ['machines'],
          operationId: 'sendForSupabase',
          summary: "Supabase Auth's send-SMS hook",
          description:
            'Sends the code of a user as a message of the app, with the template, language and life that apply when none is named, and all its limits. Signed with a ' +
            'secret of SUPABASE_HOOK_SECRETS, at most five minutes ago. The same body again gets the same answer and sends nothing. Supabase reads ' +
            'why something was refused in a 200 only: what POST /api/messages answers with 4xx is the `error` in it.',
          params,
          response: { 200: HookAnswer, ...problems(400, 401, 413, 415, 422, 503) },
        },
      },
      async (request) => {
        const rawBody = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
        const { app: name } = request.params
        if (!isStandardWebhook(rawBody, request.headers, secrets.get(name) ?? NOBODYS, now())) {
          onRefused(request.ip)
          const detail =
            'webhook-signature does not fit the body and a hook secret of this app, or webhook-timestamp is not within five minutes of now.'
          throw new ProblemError(401, 'unauthorized', detail)
        }
        const caller = callerOf(name)
        request.caller = caller
        const message = messageOf(request, parseStrictJson(rawBody))
        const refusal = await refusalOf(() =>
          acceptMessages({
            caller,
            requests: [message],
            ...aboutRequest(request),
            idempotency: { key: keyOf(rawBody), body: canonicalJson(message) },
          }),
        )
        return refusal ? { error: { http_code: refusal.statusCode, message: refusal.message } } : {}
      },
    )
  }
}

/** The app whose secret it is. All that the secret allows is to send. */
function callerOf(name: string): AppCaller {
  const keyId = `SUPABASE_HOOK_SECRETS:${name}`
  return { kind: 'app', name, keyId, scopes: ['messages:send'], mode: 'live', recipients: [] }
}

/**
 * Throws a 422 for a body that is not of this hook. Supabase keeps numbers without their plus. That of the user is not always the one
 * that the code is for: a user changes it, or has a second factor.
 */
function messageOf(request: Pick<FastifyRequest, 'compileValidationSchema'>, body: unknown): MessageRequest {
  const validate = request.compileValidationSchema(HookBody)
  if (!validate(body)) throw invalidRequest(validate.errors ?? [])
  const { user, sms } = body as Static<typeof HookBody>
  // An empty one is none.
  const to = sms.phone || user.phone
  if (!to) throw invalid([{ pointer: '/user/phone', detail: 'is required, unless there is /sms/phone' }])
  return { type: 'otp', to: to.replace(/^\+?/, '+'), code: sms.otp }
}

/**
 * Supabase tries three times, with one body and a `webhook-id` of its own for each: by that a second try would be a second message. Each code
 * that it makes comes with a body of its own.
 */
function keyOf(rawBody: Buffer): string {
  return `supabase:${createHash('sha256').update(rawBody).digest('base64url')}`
}

/** Why the message was not accepted. What may go well in a moment is thrown: Supabase tries again after a 503 with Retry-After. */
async function refusalOf(accept: () => ReturnType<AcceptMessages>): Promise<ProblemError | undefined> {
  try {
    const { results } = await accept()
    return results.find((result) => result instanceof ProblemError)
  } catch (error) {
    if (error instanceof ProblemError && error.statusCode < 500) return error
    throw error
  }
}
