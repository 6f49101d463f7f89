/** Messages that WhatsApp did not deliver, and their codes. */
import type { Commands } from '../command.ts'
import { API_OPTIONS, JSON_OPTION, NOT_ANSWERED } from './shared.ts'

export const FALLBACK: Commands = {
  'fallback list': {
    about: 'messages that fell back in the last day, without their codes',
    options: {
      ...API_OPTIONS,
      limit: { type: 'string', value: 'N', about: 'so many at most, 1 to 200; 50 unless given' },
      before: { type: 'string', value: 'ID', about: 'go on after this message, as the list before said' },
      app: { type: 'string', value: 'NAME', about: 'of this app only' },
    },
    examples: [
      { line: 'fallback list', about: 'who waits: newest first' },
      { line: 'fallback list --app wallet --limit 200', about: 'of one app' },
    ],
    exitCodes: { 0: 'listed', 1: NOT_ANSWERED },
    run: async (context) => (await import('../commands/fallback.ts')).listFallbacks(context),
  },
  'fallback reveal': {
    about: 'the code of one of them, once, before its deadline; it is audited',
    words: [{ name: 'ID', about: 'the id of the message, as fallback list shows it' }],
    options: {
      ...API_OPTIONS,
      reason: { type: 'string', about: 'why you need it, for the audit', isNeeded: true },
    },
    examples: [
      {
        line: 'fallback reveal msg_momfOdbnqOJRBd7oljKAuA --reason "called us, ticket 4711"',
        about: 'read out a code to the person who has shown that the number is theirs',
      },
    ],
    exitCodes: { 0: 'shown', 1: NOT_ANSWERED },
    run: async (context) => (await import('../commands/fallback.ts')).revealCode(context),
  },
  'fallback open': {
    about: 'makes fallback records readable whose codes are sealed',
    more:
      'For FALLBACK_CODES=sealed: opens them with an age identity, or with ENCRYPTION_KEYS. Prints a JSON object a line, with or without --json; ' +
      'after its deadline a record has no code.',
    words: [{ name: 'FILE', about: 'the log; standard input unless given', isFile: true, isOptional: true }],
    options: {
      ...JSON_OPTION,
      identity: {
        type: 'string',
        value: 'FILE',
        isFile: true,
        about: 'the age identity, in a file of your own',
      },
    },
    examples: [
      {
        line: 'fallback open --identity operators.age fallback.log',
        about: 'open what was sealed to the operators',
      },
      {
        line: 'fallback open --identity operators.age < fallback.log',
        about: 'the same from standard input, so from any log shipper',
      },
    ],
    exitCodes: { 0: 'all were opened', 1: 'one does not open with this key, or there is none' },
    run: async (context) => (await import('../commands/fallback-open.ts')).openRecords(context),
  },
  'fallback keygen': {
    about: 'makes a key pair to seal codes to, and shows the public key',
    options: {
      ...JSON_OPTION,
      identity: {
        type: 'string',
        value: 'FILE',
        isFile: true,
        isNeeded: true,
        about: 'the file to make for the private key; one that is there is not written over',
      },
    },
    examples: [{ line: 'fallback keygen --identity operators.age', about: 'prints FALLBACK_PUBLIC_KEY' }],
    exitCodes: { 0: 'made', 1: 'not written: the reason is on standard error' },
    run: async (context) => (await import('../commands/fallback-open.ts')).makeIdentity(context),
  },
}
