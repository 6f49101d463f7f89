/** Who can read the codes of messages that fell back: what the settings come to, for people to see. */
import type { SharedSettings } from './config.ts'

/**
 * `sealedTo`: whom a sealed code is for, `operators` by their public keys, or `relais` itself. `isRevealable`: Relais can read codes back,
 * so an operator can have them revealed until the deadline.
 */
export type FallbackMode = {
  codes: 'plain' | 'masked' | 'sealed'
  sealedTo?: 'operators' | 'relais'
  isRevealable: boolean
}

export function fallbackMode(
  settings: Pick<SharedSettings, 'fallbackCodes' | 'fallbackPublicKey'>,
): FallbackMode {
  const { fallbackCodes: codes, fallbackPublicKey } = settings
  if (codes !== 'sealed') return { codes, isRevealable: true }
  return fallbackPublicKey
    ? { codes, sealedTo: 'operators', isRevealable: false }
    : { codes, sealedTo: 'relais', isRevealable: true }
}
