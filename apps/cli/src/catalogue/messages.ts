/** One message: found, seen, sent again, taken back. */
import type { Commands } from '../command.ts'
import { API_OPTIONS, NOT_ANSWERED } from './shared.ts'

const ID = { name: 'ID', about: 'the id of the message, as message search shows it' } as const

export const MESSAGES: Commands = {
  'message search': {
    about: 'finds messages by their number, the reference of an app, or the id that Meta gave',
    more: 'Takes exactly one of the three. That a number was looked for is in the audit, with its last four digits.',
    options: {
      ...API_OPTIONS,
      to: { type: 'string', value: 'NUMBER', about: 'the recipient, in E.164' },
      reference: { type: 'string', about: "the app's own reference" },
      'meta-id': { type: 'string', value: 'WAMID', about: "Meta's id: wamid...." },
    },
    examples: [
      { line: 'message search --to +221771234567', about: 'what this person was sent within the day' },
      { line: 'message search --reference login-7781', about: 'by what an app calls it' },
    ],
    exitCodes: { 0: 'found', 1: `there is none; or ${NOT_ANSWERED}` },
    run: async (context) => (await import('../commands/message.ts')).searchMessages(context),
  },
  'message show': {
    about: 'the story of a message: its steps, what its time went into, why it is as it is, what to do',
    words: [ID],
    options: API_OPTIONS,
    examples: [{ line: 'message show msg_momfOdbnqOJRBd7oljKAuA', about: 'what became of it' }],
    exitCodes: { 0: 'shown', 1: NOT_ANSWERED },
    run: async (context) => (await import('../commands/message.ts')).showMessage(context),
  },
  'message resend': {
    about: 'sends its code again, once, with the deadline that it had; it is audited',
    words: [ID],
    options: API_OPTIONS,
    examples: [{ line: 'message resend msg_momfOdbnqOJRBd7oljKAuA', about: 'the phone is on again' }],
    exitCodes: { 0: 'on its way, as a message of its own', 1: NOT_ANSWERED },
    run: async (context) => (await import('../commands/message.ts')).resendMessage(context),
  },
  'message cancel': {
    about: 'takes it back, if no worker has begun to send it; it is audited',
    words: [ID],
    options: API_OPTIONS,
    examples: [{ line: 'message cancel msg_momfOdbnqOJRBd7oljKAuA', about: 'it is never sent' }],
    exitCodes: { 0: 'taken back', 1: NOT_ANSWERED },
    run: async (context) => (await import('../commands/message.ts')).cancelMessage(context),
  },
}
