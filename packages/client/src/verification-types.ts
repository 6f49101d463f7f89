/** Verifications, as the API takes and answers them. By hand, until its document describes them: then `api-types.ts` has them. */

/** What Relais needs to make a code and send it. */
export type VerificationRequest = {
  /** In E.164, with `+`. */
  to: string
  /** Digits of the code; 6 unless given. */
  length?: number
  /** 30 to 900. */
  ttlSeconds?: number
  template?: string
  language?: string
  /** Of your own: returned, never sent. */
  reference?: string
  /** Of the person who asked for it, as your server sees it. */
  sourceIp?: string
}

/** A code is on its way. */
export type StartedVerification = {
  id: string
  /** The message that brings the code. */
  messageId: string
  expiresAt: string
  /** From now. */
  resendAfterSeconds: number
}

/** The right code is `valid` once. */
export type CheckedVerification = { valid: boolean; attemptsLeft?: number }

export type ResendRequest = {
  /** `fallback`: the operators help at once, because WhatsApp is silent. */
  via?: 'whatsapp' | 'fallback'
  sourceIp?: string
}

/** The same code until the same deadline. */
export type ResentVerification = Omit<StartedVerification, 'resendAfterSeconds'> & {
  /** From now; null: not any more. */
  resendAfterSeconds: number | null
}
