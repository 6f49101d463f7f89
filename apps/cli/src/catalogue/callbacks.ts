/** Where the events of apps go. */
import type { Command, Commands } from '../command.ts'
import type * as CallbackCommands from '../commands/callbacks.ts'
import { API_OPTIONS, NOT_ANSWERED } from './shared.ts'

const APP = { name: 'APP', about: 'the name of the app, as its key has it' } as const

const run =
  (name: keyof typeof CallbackCommands): Command['run'] =>
  async (context) =>
    (await import('../commands/callbacks.ts'))[name](context)

export const CALLBACKS: Commands = {
  'callbacks list': {
    about: 'where the events of each app go, and how that does',
    options: API_OPTIONS,
    examples: [{ line: 'callbacks list', about: 'is an endpoint paused, and how much waits?' }],
    exitCodes: { 0: 'none is paused', 1: `one is paused, or does not open; or ${NOT_ANSWERED}` },
    run: run('listCallbacks'),
  },
  'callbacks set': {
    about: 'posts the events of an app to a URL, and shows the secret that signs them once',
    more: 'With another URL for the same app the secret stays, and is not shown.',
    words: [APP, { name: 'URL', about: 'https, and an address that everybody can reach' }],
    options: API_OPTIONS,
    examples: [
      { line: 'callbacks set wallet https://wallet.example.com/relais', about: 'give the secret to the app' },
    ],
    exitCodes: { 0: 'set', 1: NOT_ANSWERED },
    run: run('setCallback'),
  },
  'callbacks remove': {
    about: 'tells an app nothing any more, and forgets what waits for it',
    words: [APP],
    options: API_OPTIONS,
    examples: [{ line: 'callbacks remove wallet', about: 'its secret ends as well' }],
    exitCodes: { 0: 'removed', 1: NOT_ANSWERED },
    run: run('removeCallback'),
  },
  'callbacks test': {
    about: 'posts a signed test to the endpoint of an app, and says whether it was taken',
    words: [APP],
    options: API_OPTIONS,
    examples: [{ line: 'callbacks test wallet', about: 'does the app take it?' }],
    exitCodes: { 0: 'taken', 1: `not taken; or ${NOT_ANSWERED}` },
    run: run('testCallback'),
  },
  'callbacks rotate': {
    about: 'makes a new secret and shows it once; the old one signs for 24 hours more',
    words: [APP],
    options: API_OPTIONS,
    examples: [{ line: 'callbacks rotate wallet', about: 'give the new secret to the app within a day' }],
    exitCodes: { 0: 'made', 1: NOT_ANSWERED },
    run: run('rotateCallback'),
  },
  'callbacks resume': {
    about: 'posts all that waits for an app now, also to an endpoint that is paused',
    words: [APP],
    options: API_OPTIONS,
    examples: [{ line: 'callbacks resume wallet', about: 'its endpoint is mended' }],
    exitCodes: { 0: 'resumed', 1: NOT_ANSWERED },
    run: run('resumeCallback'),
  },
  'callbacks dead': {
    about: 'the events of an app that were given up',
    words: [APP],
    options: API_OPTIONS,
    examples: [{ line: 'callbacks dead wallet', about: 'what the app was not told, and why' }],
    exitCodes: { 0: 'there are none', 1: `there are some; or ${NOT_ANSWERED}` },
    run: run('listDead'),
  },
  'callbacks redrive': {
    about: 'posts the events of an app that were given up again',
    words: [APP],
    options: API_OPTIONS,
    examples: [{ line: 'callbacks redrive wallet', about: 'once its endpoint takes events again' }],
    exitCodes: { 0: 'they wait to be posted', 1: NOT_ANSWERED },
    run: run('redriveCallback'),
  },
}
