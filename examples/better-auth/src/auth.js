/** The login: Better Auth makes the code and checks it, Relais brings it to the phone. */
import { createRelais, ProblemError } from '@relais/client'
import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import { APIError } from 'better-auth/api'
import { phoneNumber } from 'better-auth/plugins/phone-number'

/** Where the server writes down who asks: nothing that a browser sends under this name counts. */
export const ADDRESS_HEADER = 'x-client-address'

const CODE_TTL_SECONDS = 300

/**
 * @param options `baseUrl` is where browsers reach the app, `secret` is Better Auth's, `relaisUrl` and `relaisKey` are where Relais is and the
 *   app's key there
 */
export function createAuth({ baseUrl, secret, relaisUrl, relaisKey }) {
  // Somebody waits: what has not worked by then is said.
  const relais = createRelais({ url: relaisUrl, key: relaisKey, timeoutMs: 10_000 })

  return betterAuth({
    baseURL: baseUrl,
    secret,
    // Forgets everybody when the app ends: to be replaced by a database.
    database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
    // Off unless NODE_ENV is production.
    rateLimit: { enabled: true },
    advanced: { ipAddress: { ipAddressHeaders: [ADDRESS_HEADER] } },
    plugins: [
      phoneNumber({
        expiresIn: CODE_TTL_SECONDS,
        phoneNumberValidator: (number) => /^\+[1-9]\d{6,14}$/.test(number),
        signUpOnVerification: { getTempEmail: (number) => `${number.slice(1)}@phone.invalid` },
        sendOTP,
        callbackOnVerification,
      }),
    ],
  })

  async function sendOTP({ phoneNumber: to, code }, ctx) {
    const sourceIp = ctx.headers.get(ADDRESS_HEADER)
    const message = { to, type: 'otp', code, ttlSeconds: CODE_TTL_SECONDS, sourceIp }
    // One for each code, and never made from it: all tries of this call are one message.
    const idempotencyKey = crypto.randomUUID()
    const sent = await relais.send(message, { idempotencyKey }).catch((error) => refuse(error, ctx))
    await ctx.context.internalAdapter.createVerificationValue({
      identifier: messageTo(to),
      value: sent.id,
      expiresAt: new Date(sent.expiresAt),
    })
  }

  async function callbackOnVerification({ phoneNumber: to }, ctx) {
    const sent = await ctx.context.internalAdapter.consumeVerificationValue(messageTo(to))
    // The login neither waits for this nor fails with it: unless it is told, Relais forgets the code at its deadline.
    if (sent) relais.used(sent.value).catch(() => {})
  }
}

/** Under this name Better Auth's database keeps the last message to a number, as long as its code lives. */
function messageTo(number) {
  return `relais-message-${number}`
}

/** What the browser is told: that it is too soon, or the number, or nothing that the person can mend. */
function refuse(error, ctx) {
  const status = error instanceof ProblemError ? error.status : undefined
  if (status === 429) {
    const headers = { 'retry-after': String(error.retryAfterSeconds ?? 60) }
    throw new APIError('TOO_MANY_REQUESTS', { code: 'TOO_MANY_CODES', message: 'Too many codes' }, headers)
  }
  if (status === 422) {
    throw new APIError('BAD_REQUEST', { code: 'INVALID_PHONE_NUMBER', message: 'Invalid phone number' })
  }
  // No error of the client holds a code or the key.
  ctx.context.logger.error(`no code was sent: ${error.message}`)
  throw new APIError('SERVICE_UNAVAILABLE', { code: 'NO_CODE_SENT', message: 'No code could be sent' })
}
