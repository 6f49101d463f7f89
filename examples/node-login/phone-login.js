// The part that every login library has a place for: a code goes out, what was typed comes back, and there is a user or there is none.
import { createRelais, ProblemError } from '@relais/client'

/**
 * @param {{ url: string, key: string }} relais where Relais is, and the app's key
 * @param {(phone: string) => Promise<{ id: string }>} findOrCreateUser called once the number is proven
 */
export function createPhoneLogin(relais, findOrCreateUser) {
  const { verifications } = createRelais(relais)

  return {
    /** Sends a code. What is returned belongs into the session: neither number nor id is taken from the browser again. */
    async start(phone, sourceIp) {
      const { id, resendAfterSeconds } = await verifications.start({ to: phone, sourceIp })
      return { verificationId: id, phone, resendAfterSeconds }
    },

    /** The user if `start` was called in this session and this is its code, else null. The right code works once, and five wrong ones end it. */
    async finish(pending, code) {
      if (!pending) return null
      try {
        const { valid } = await verifications.check(pending.verificationId, String(code))
        return valid ? await findOrCreateUser(pending.phone) : null
      } catch (error) {
        // Over, or not even the form of a code: start again. Anything else is for whoever runs this.
        if (error instanceof ProblemError && [404, 410, 422].includes(error.status)) return null
        throw error
      }
    },
  }
}
