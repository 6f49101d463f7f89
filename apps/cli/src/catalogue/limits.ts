/** What operators rule about numbers. */
import type { Commands, Options, Word } from '../command.ts'
import { JSON_OPTION, NO_REDIS } from './shared.ts'

const PREFIX: Word = { name: 'PREFIX', about: 'how the numbers begin: +22177' }

const APP = { app: { type: 'string', value: 'NAME', about: 'for this app only' } } as const satisfies Options

const RULING_OPTIONS: Options = {
  ...JSON_OPTION,
  why: { type: 'string', about: 'why, for the audit and for others', isNeeded: true },
  ...APP,
  hours: { type: 'string', value: 'N', about: 'how long it holds, 168 at most; 24 unless given' },
}

export const LIMITS: Commands = {
  limits: {
    about: 'what is ruled about numbers, and what the guard against pumping has stopped',
    options: JSON_OPTION,
    examples: [{ line: 'limits', about: 'which prefixes get no messages, and who says so' }],
    exitCodes: { 0: 'listed', 1: NO_REDIS },
    run: async (context) => (await import('../commands/limits.ts')).listLimits(context),
  },
  'limits allow': {
    about: 'numbers that begin so get codes whatever the guard says',
    words: [PREFIX],
    options: RULING_OPTIONS,
    examples: [{ line: 'limits allow +22177 --why "a campaign" --hours 48', about: 'for two days' }],
    exitCodes: { 0: 'ruled', 1: NO_REDIS },
    run: async (context) => (await import('../commands/limits.ts')).ruleLimit(context, 'allow'),
  },
  'limits stop': {
    about: 'numbers that begin so get no messages',
    words: [PREFIX],
    options: RULING_OPTIONS,
    examples: [{ line: 'limits stop +88213 --why "pumping" --app wallet', about: 'for one app, for a day' }],
    exitCodes: { 0: 'ruled', 1: NO_REDIS },
    run: async (context) => (await import('../commands/limits.ts')).ruleLimit(context, 'stop'),
  },
  'limits clear': {
    about: 'ends such a ruling; with --app also what the guard holds against the prefix',
    words: [PREFIX],
    options: { ...JSON_OPTION, ...APP },
    examples: [{ line: 'limits clear +88213 --app wallet', about: 'nothing is held against it any more' }],
    exitCodes: { 0: 'cleared', 1: NO_REDIS },
    run: async (context) => (await import('../commands/limits.ts')).clearLimit(context),
  },
}
