/** What can be told of a value by looking at it, before Meta is asked. */
import type { FormatCheck } from './conversation.ts'

/** All that Meta's secrets are made of, and nothing that would need quotes in a `.env`. */
const SECRET = /^[A-Za-z0-9_.|:+/=~-]{8,4096}$/

/** @param taken ids that were given for something else */
export function idFormat(...taken: (string | undefined)[]): FormatCheck {
  return (text) => {
    if (/^\+[\d ().-]+$/.test(text)) return 'notTheNumber'
    if (!/^\d{5,32}$/.test(text)) return 'notAnId'
    return taken.includes(text) ? 'sameId' : undefined
  }
}

export const appSecretFormat: FormatCheck = (text) => {
  if (!SECRET.test(text)) return 'notASecret'
  return text.startsWith('EAA') ? 'tokenForSecret' : undefined
}

/** @param appSecret what was given as the app secret */
export function accessTokenFormat(appSecret: string): FormatCheck {
  return (text) => {
    if (!SECRET.test(text)) return 'notASecret'
    return text === appSecret || text.includes('|') ? 'secretForToken' : undefined
  }
}
