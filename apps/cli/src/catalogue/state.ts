/** What state is it in? */
import { LOG_LEVELS } from '@relais/core'
import type { Commands } from '../command.ts'
import { API_OPTIONS, NOT_ANSWERED } from './shared.ts'

export const STATE: Commands = {
  status: {
    about: 'one screen: mode, token, number, queues',
    more: 'Asks the API, which asks Meta. The same as scripts/whatsapp-status.sh.',
    options: API_OPTIONS,
    examples: [
      { line: 'status', about: 'the state, and what to do about it' },
      { line: 'status --json', about: 'the same for a program; the exit code says the mode' },
    ],
    exitCodes: {
      0: 'connected: codes go out over WhatsApp, and will go on to',
      1: 'degraded: codes go out, and something needs a person before it gets worse',
      2: 'fallback: nothing can be sent, codes go to the fallback',
      3: 'the state cannot be told',
    },
    run: async ({ values, environment, paint, print }) => {
      const { runStatus } = await import('../commands/status.ts')
      return runStatus({ isJson: values['json'] === true, environment: environment(), paint, print })
    },
  },
  doctor: {
    about: 'every check there is, and the next step for what is wrong',
    more:
      'Looks at the settings, at Redis, and at what Meta says of token, number, template and webhook. It changes nothing unless --exchange is ' +
      'given. The same as scripts/test-auto-token.js.',
    options: {
      ...API_OPTIONS,
      exchange: { type: 'boolean', about: 'renew the token for real, through the API' },
    },
    examples: [
      { line: 'doctor', about: 'look at everything' },
      { line: 'doctor --exchange', about: 'show that a renewal works, by making one' },
    ],
    exitCodes: { 0: 'all is well', 1: 'warnings only', 2: 'something is wrong' },
    run: async ({ values, environment, paint, print }) => {
      const { runDoctor } = await import('../commands/doctor.ts')
      const how = { isJson: values['json'] === true, mayExchange: values['exchange'] === true }
      return runDoctor({ ...how, environment: environment(), paint, print })
    },
  },
  alerts: {
    about: 'what operators were told of that is wrong and not over yet',
    options: API_OPTIONS,
    examples: [{ line: 'alerts', about: 'what is wrong, since when, and what to do' }],
    exitCodes: { 0: 'nothing is wrong', 1: `something is; or ${NOT_ANSWERED}` },
    run: async (context) => (await import('../commands/alerts.ts')).listAlerts(context),
  },
  'alerts test': {
    about: 'posts a signed test to ALERT_WEBHOOK_URL, and says whether it was taken',
    options: API_OPTIONS,
    examples: [{ line: 'alerts test', about: 'would anybody be told?' }],
    exitCodes: { 0: 'taken', 1: `not taken; or ${NOT_ANSWERED}` },
    run: async (context) => (await import('../commands/alerts.ts')).testAlerts(context),
  },
  'logs level': {
    about: 'the level of the logs of all processes; with a level, sets it for a while',
    words: [{ name: 'LEVEL', about: 'the least that is logged', values: LOG_LEVELS, isOptional: true }],
    options: {
      ...API_OPTIONS,
      minutes: { type: 'string', value: 'N', about: 'for so long, then it is as before; 15 unless given' },
    },
    examples: [
      { line: 'logs level', about: 'how much is logged now' },
      { line: 'logs level debug --minutes 10', about: 'see more for ten minutes' },
    ],
    exitCodes: { 0: 'shown, or set', 1: NOT_ANSWERED },
    run: async (context) => (await import('../commands/logs.ts')).logLevel(context),
  },
}
