/** Every command, by the words that call it. */
import { UsageError, textOf, type Command } from './command.ts'

const JSON_OPTION = { json: { type: 'boolean' } } as const

const RULING_OPTIONS = {
  ...JSON_OPTION,
  app: { type: 'string' },
  hours: { type: 'string' },
  why: { type: 'string' },
} as const

export const COMMANDS: Readonly<Record<string, Command>> = {
  status: {
    takes: '',
    about: 'one screen: mode, token, number, queues. scripts/whatsapp-status.sh',
    options: JSON_OPTION,
    run: async ({ values, environment, paint, print }) => {
      const { runStatus } = await import('./commands/status.ts')
      return runStatus({ isJson: values['json'] === true, environment: environment(), paint, print })
    },
  },
  check: {
    takes: '[--exchange]',
    about: 'every check there is, and the next step for what is wrong. scripts/test-auto-token.js',
    options: { ...JSON_OPTION, exchange: { type: 'boolean' } },
    run: async ({ values, environment, paint, print }) => {
      const { runCheck } = await import('./commands/check.ts')
      const how = { isJson: values['json'] === true, mayExchange: values['exchange'] === true }
      return runCheck({ ...how, environment: environment(), paint, print })
    },
  },
  setup: {
    takes: '[--language en|fr]',
    about: "a guide that collects Meta's values and writes .env. scripts/get-whatsapp-tokens.sh",
    options: { language: { type: 'string' } },
    run: async (context) => {
      const { runSetupHere } = await import('./commands/setup-here.ts')
      const language = textOf(context, 'language')
      if (language !== undefined && language !== 'en' && language !== 'fr')
        throw new UsageError('--language must be en or fr')
      return runSetupHere({ ...context, language, file: textOf(context, 'file') })
    },
  },
  'keys create': {
    takes: 'NAME [--operator] [--mode live|team|test] [--scopes A,B] [--recipients N,N] [--days N]',
    about: 'makes a key for an app, or for an operator, and shows it once',
    options: {
      ...JSON_OPTION,
      operator: { type: 'boolean' },
      mode: { type: 'string' },
      scopes: { type: 'string' },
      recipients: { type: 'string' },
      days: { type: 'string' },
    },
    mostPositionals: 1,
    run: async (context) => (await import('./commands/keys.ts')).createKey(context),
  },
  'keys list': {
    takes: '',
    about: 'the keys there are: whose, what they allow, when they were last used, until when they work',
    options: JSON_OPTION,
    run: async (context) => (await import('./commands/keys.ts')).listKeys(context),
  },
  'keys revoke': {
    takes: 'ID',
    about: 'ends a key: within two seconds it opens nothing anywhere',
    options: JSON_OPTION,
    mostPositionals: 1,
    run: async (context) => (await import('./commands/keys.ts')).revokeKey(context),
  },
  limits: {
    takes: '',
    about:
      'what operators have ruled about numbers, and the prefixes that the guard against pumping has stopped',
    options: JSON_OPTION,
    run: async (context) => (await import('./commands/limits.ts')).listLimits(context),
  },
  'limits allow': {
    takes: 'PREFIX --why TEXT [--app NAME] [--hours N]',
    about: 'numbers that begin so get codes whatever the guard says, for a day unless told otherwise',
    options: RULING_OPTIONS,
    mostPositionals: 1,
    run: async (context) => (await import('./commands/limits.ts')).ruleLimit(context, 'allow'),
  },
  'limits stop': {
    takes: 'PREFIX --why TEXT [--app NAME] [--hours N]',
    about: 'numbers that begin so get no messages',
    options: RULING_OPTIONS,
    mostPositionals: 1,
    run: async (context) => (await import('./commands/limits.ts')).ruleLimit(context, 'stop'),
  },
  'limits clear': {
    takes: 'PREFIX [--app NAME]',
    about: 'ends such a ruling; with --app also what the guard holds against the prefix',
    options: { ...JSON_OPTION, app: { type: 'string' } },
    mostPositionals: 1,
    run: async (context) => (await import('./commands/limits.ts')).clearLimit(context),
  },
  alerts: {
    takes: '',
    about: 'what operators were told of that is wrong and not over yet',
    options: JSON_OPTION,
    run: async (context) => (await import('./commands/alerts.ts')).listAlerts(context),
  },
  'alerts test': {
    takes: '',
    about: 'posts a signed test to ALERT_WEBHOOK_URL, and says whether it was taken',
    options: JSON_OPTION,
    run: async (context) => (await import('./commands/alerts.ts')).testAlerts(context),
  },
  'audit list': {
    takes: '[--most N]',
    about: 'who did what, the latest first',
    options: { ...JSON_OPTION, most: { type: 'string' } },
    run: async (context) => (await import('./commands/audit.ts')).listAudit(context),
  },
  'audit verify': {
    takes: '',
    about: 'is the audit whole, and unchanged?',
    options: JSON_OPTION,
    run: async (context) => (await import('./commands/audit.ts')).verifyAudit(context),
  },
  'message search': {
    takes: '--to NUMBER | --reference R | --meta-id W',
    about: 'messages to a number, with a reference of an app, or with an id of Meta; it is audited',
    options: {
      ...JSON_OPTION,
      to: { type: 'string' },
      reference: { type: 'string' },
      'meta-id': { type: 'string' },
    },
    run: async (context) => (await import('./commands/message.ts')).searchMessages(context),
  },
  'message show': {
    takes: 'ID',
    about: 'the story of a message: its steps, what its time went into, why it is as it is, what to do',
    options: JSON_OPTION,
    mostPositionals: 1,
    run: async (context) => (await import('./commands/message.ts')).showMessage(context),
  },
  'message resend': {
    takes: 'ID',
    about: 'sends its code again, once, with the deadline that it had; it is audited',
    options: JSON_OPTION,
    mostPositionals: 1,
    run: async (context) => (await import('./commands/message.ts')).resendMessage(context),
  },
  'message cancel': {
    takes: 'ID',
    about: 'takes it back, if no worker has begun to send it; it is audited',
    options: JSON_OPTION,
    mostPositionals: 1,
    run: async (context) => (await import('./commands/message.ts')).cancelMessage(context),
  },
  'fallback list': {
    takes: '[--limit N] [--before ID] [--app NAME]',
    about: 'messages that fell back in the last day, without their codes',
    options: {
      ...JSON_OPTION,
      limit: { type: 'string' },
      before: { type: 'string' },
      app: { type: 'string' },
    },
    run: async (context) => (await import('./commands/fallback.ts')).listFallbacks(context),
  },
  'fallback reveal': {
    takes: 'ID --reason TEXT',
    about: 'the code of one of them, once, before its deadline; it is audited',
    options: { ...JSON_OPTION, reason: { type: 'string' } },
    mostPositionals: 1,
    run: async (context) => (await import('./commands/fallback.ts')).revealCode(context),
  },
  'fallback open': {
    takes: '[--identity FILE] [FILE]',
    about: 'fallback records of FALLBACK_CODES=sealed made readable, with an age identity or ENCRYPTION_KEYS',
    options: { identity: { type: 'string' } },
    mostPositionals: 1,
    run: async (context) => (await import('./commands/fallback-open.ts')).openRecords(context),
  },
  'fallback keygen': {
    takes: '--identity FILE',
    about: 'makes a key pair to seal codes to, in a new file, and shows the public key',
    options: { ...JSON_OPTION, identity: { type: 'string' } },
    run: async (context) => (await import('./commands/fallback-open.ts')).makeIdentity(context),
  },
  'logs level': {
    takes: '[LEVEL --minutes N]',
    about:
      'the level of the logs of all processes; with a level, sets it for so long (15 minutes unless told)',
    options: { ...JSON_OPTION, minutes: { type: 'string' } },
    mostPositionals: 1,
    run: async (context) => (await import('./commands/logs.ts')).logLevel(context),
  },
  reseal: {
    takes: '[--dry-run]',
    about: 'seals what lives under old ENCRYPTION_KEYS under the first, and says what is left',
    options: { ...JSON_OPTION, 'dry-run': { type: 'boolean' } },
    run: async (context) => (await import('./commands/reseal.ts')).reseal(context),
  },
}
