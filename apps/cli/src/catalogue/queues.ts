/** The queues. */
import type { Commands } from '../command.ts'
import { API_OPTIONS, NOT_ANSWERED } from './shared.ts'

const MESSAGES = {
  name: 'NAME',
  about: 'the queue; only messages may be paused: codes and receipts must not wait',
  values: ['messages'],
} as const

export const QUEUES: Commands = {
  queues: {
    about: 'how long each queue is, and whether it is paused',
    options: API_OPTIONS,
    examples: [{ line: 'queues', about: 'what waits, and since when' }],
    exitCodes: { 0: 'none is paused', 1: `one is paused; or ${NOT_ANSWERED}` },
    run: async (context) => (await import('../commands/queues.ts')).listQueues(context),
  },
  'queues pause': {
    about: 'stops sending: messages are accepted and wait, and fall back when their time is up',
    words: [MESSAGES],
    options: { ...API_OPTIONS, why: { type: 'string', about: 'why, for the audit', isNeeded: true } },
    examples: [
      {
        line: 'queues pause messages --why "wrong template, see ticket 4711"',
        about: 'send nothing for now',
      },
    ],
    exitCodes: { 0: 'paused', 1: NOT_ANSWERED },
    run: async (context) => (await import('../commands/queues.ts')).pauseQueue(context),
  },
  'queues resume': {
    about: 'goes on sending',
    words: [MESSAGES],
    options: API_OPTIONS,
    examples: [{ line: 'queues resume messages', about: 'what waits goes out at the usual pace' }],
    exitCodes: { 0: 'resumed', 1: NOT_ANSWERED },
    run: async (context) => (await import('../commands/queues.ts')).resumeQueue(context),
  },
}
