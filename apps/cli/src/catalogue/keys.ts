/** The keys of apps and operators, and what was done with them. */
import { APP_SCOPES, KEY_MODES, OPERATOR_SCOPES } from '@relais/core'
import type { Commands } from '../command.ts'
import { JSON_OPTION, NO_REDIS } from './shared.ts'

export const KEYS: Commands = {
  'keys create': {
    about: 'makes a key for an app, or for an operator, and shows it once',
    words: [{ name: 'NAME', about: 'the app or operator: 1 to 32 of a-z 0-9 _ -' }],
    options: {
      ...JSON_OPTION,
      operator: { type: 'boolean', about: 'for an operator' },
      mode: {
        type: 'string',
        values: KEY_MODES,
        about: 'of an app: whom it reaches: everybody (live, unless given), a list (team), nobody (test)',
      },
      scopes: {
        type: 'string',
        values: [...new Set([...APP_SCOPES, ...OPERATOR_SCOPES])],
        isList: true,
        value: 'A,B',
        about: 'what it allows; everything of its kind unless given',
      },
      recipients: { type: 'string', value: 'N,N', about: 'of --mode team: the numbers that it may send to' },
      days: { type: 'string', value: 'N', about: 'how long it works; 180 unless given' },
    },
    examples: [
      { line: 'keys create wallet', about: 'an app; live, every scope, 180 days' },
      { line: 'keys create wallet --mode test', about: 'tries the whole API; nothing leaves Relais' },
      {
        line: 'keys create awa --operator --scopes status:read,fallback:read,fallback:reveal',
        about: 'an operator who looks and helps, and changes nothing',
      },
    ],
    exitCodes: { 0: 'made', 1: `not made: there are too many, or ${NO_REDIS}` },
    run: async (context) => (await import('../commands/keys.ts')).createKey(context),
  },
  'keys list': {
    about: 'the keys there are: whose, what they allow, last use, until when they work',
    options: JSON_OPTION,
    examples: [{ line: 'keys list', about: 'see that an old key is not used any more' }],
    exitCodes: { 0: 'listed', 1: `some do not open with ENCRYPTION_KEYS, or ${NO_REDIS}` },
    run: async (context) => (await import('../commands/keys.ts')).listKeys(context),
  },
  'keys revoke': {
    about: 'ends a key: within two seconds it opens nothing anywhere',
    words: [{ name: 'ID', about: 'the id of the key, as keys list shows it' }],
    options: JSON_OPTION,
    examples: [{ line: 'keys revoke 8sJd0aKq2LpX', about: 'end it' }],
    exitCodes: { 0: 'revoked', 1: `there is no such key, or ${NO_REDIS}` },
    run: async (context) => (await import('../commands/keys.ts')).revokeKey(context),
  },
  'audit list': {
    about: 'who did what, the latest first',
    options: {
      ...JSON_OPTION,
      most: { type: 'string', value: 'N', about: 'so many at most, up to 10000; 50 unless given' },
    },
    examples: [{ line: 'audit list --most 100', about: 'the last hundred entries' }],
    exitCodes: { 0: 'listed', 1: NO_REDIS },
    run: async (context) => (await import('../commands/audit.ts')).listAudit(context),
  },
  'audit verify': {
    about: 'is the audit whole, and unchanged?',
    options: JSON_OPTION,
    examples: [{ line: 'audit verify', about: 'compare the hash that it prints with the log' }],
    exitCodes: { 0: 'whole and unchanged', 1: `something is missing or was changed, or ${NO_REDIS}` },
    run: async (context) => (await import('../commands/audit.ts')).verifyAudit(context),
  },
}
