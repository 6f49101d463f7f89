/** Callbacks of apps, as the OpenAPI document shows them. Each is made by `e2e/examples.test.ts`. */
import { problemExample, type Examples } from '../documented.ts'

const AT = '2026-11-22T16:17:49.036Z'
const URL = 'https://wallet.example.com/relais'
const SECRET = 'whsec_exampleSecretThatIsShownThisOnce'

const params = { app: 'wallet' }
const after = { operation: 'setCallback', example: 'usual' }

/** What is answered depends on what was set before. */
const varies = true

export const CALLBACK_EXAMPLES = {
  listCallbacks: {
    one: {
      summary: 'One app is told',
      after,
      status: 200,
      answer: {
        callbacks: [
          { app: 'wallet', url: URL, state: 'working', setAt: AT, failures: 0, waiting: 0, dead: 0 },
        ],
        unreadable: [],
      },
      varies,
    },
  },
  setCallback: {
    usual: {
      summary: 'The first URL of an app',
      params,
      body: { url: URL },
      status: 200,
      answer: { app: 'wallet', url: URL, secret: SECRET },
      varies,
    },
    private: {
      summary: 'An address that only we can reach',
      params,
      body: { url: 'https://127.0.0.1/relais' },
      status: 422,
      answer: {
        ...problemExample(
          422,
          'invalid_request',
          'The URL must lead to an address that everybody can reach, not to one inside a network.',
        ),
        errors: [
          {
            pointer: '/url',
            detail: 'must lead to an address that everybody can reach, not to one inside a network',
          },
        ],
      },
    },
  },
  removeCallback: {
    usual: {
      summary: 'The app is told nothing any more',
      after,
      params,
      status: 200,
      answer: { app: 'wallet', removed: true },
    },
  },
  testCallback: {
    none: {
      summary: 'An app without a callback',
      params: { app: 'shop' },
      status: 404,
      answer: problemExample(404, 'not_found', 'The app shop has no callback. Set one first.'),
    },
  },
  rotateCallbackSecret: {
    usual: {
      summary: 'Both sign for a day',
      after,
      params,
      status: 200,
      answer: { app: 'wallet', secret: SECRET, oldUntil: AT },
      varies,
    },
  },
  resumeCallback: {
    working: {
      summary: 'It was not paused',
      after,
      params,
      status: 200,
      answer: { app: 'wallet', wasPaused: false },
    },
  },
  redriveEvents: {
    none: {
      summary: 'There were none',
      after,
      params,
      status: 200,
      answer: { app: 'wallet', redriven: 0 },
    },
  },
  listDeadEvents: {
    one: {
      summary: 'One was given up',
      after,
      params,
      status: 200,
      answer: {
        dead: [
          {
            id: 'msg_momfOdbnqOJRBd7oljKAuA.2',
            type: 'message.delivered',
            messageId: 'msg_momfOdbnqOJRBd7oljKAuA',
            sequence: 2,
            status: 'delivered',
            at: AT,
            tries: 60,
            why: 'it answered with 503',
            diedAt: AT,
          },
        ],
      },
      varies,
    },
  },
} as const satisfies Record<string, Examples>
