/** Meta's access token. */
import type { Commands } from '../command.ts'
import { API_OPTIONS, JSON_OPTION } from './shared.ts'

export const TOKENS: Commands = {
  tokens: {
    about: 'the versions of the access token that are kept, and when it is renewed',
    more: 'Read in Redis. A token is named by its fingerprint, the first eight hex digits of its SHA-256; none is shown.',
    options: JSON_OPTION,
    examples: [{ line: 'tokens', about: 'which token is in use, and until when' }],
    exitCodes: {
      0: 'a token is in use',
      1: 'none can be used, some do not open with ENCRYPTION_KEYS, or Redis does not answer',
    },
    run: async (context) => (await import('../commands/tokens.ts')).listTokens(context),
  },
  'tokens renew': {
    about: 'renews the access token now; if that fails, the old one stays in use',
    options: API_OPTIONS,
    examples: [{ line: 'tokens renew', about: 'trade the token for one that lives longer' }],
    exitCodes: { 0: 'renewed', 1: 'not renewed: the reason is on standard error' },
    run: async (context) => (await import('../commands/tokens.ts')).renewToken(context),
  },
  'tokens update': {
    about: 'stores a new access token, once Meta confirms it',
    more:
      'The token is asked for, and nothing of it shows; or it is the first line of standard input. It is never an argument: those are seen in ' +
      'the list of processes and kept in the history of the shell.',
    options: {
      ...API_OPTIONS,
      'app-secret': {
        type: 'boolean',
        about: 'ask for the app secret as well (the second line), if it has changed',
      },
    },
    examples: [
      { line: 'tokens update', about: 'type or paste the token when asked' },
      { line: 'tokens update < token.txt', about: 'take it from a file that only you can read' },
      { line: 'tokens update --app-secret', about: 'bring a new app secret with it' },
    ],
    exitCodes: {
      0: 'stored, and in use everywhere within a second',
      1: 'not stored: the reason is on standard error',
    },
    run: async (context) => (await import('../commands/tokens.ts')).updateToken(context),
  },
}
