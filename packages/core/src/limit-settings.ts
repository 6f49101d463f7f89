/** The settings of what is let in: limits of recipients, sources, prefixes and apps. */
import { CALLER_NAME } from './callers/caller.ts'
import { Fault } from './fault.ts'
import { isCountry } from './phone-number.ts'
import { oneOf, wholeNumber, type Setting } from './settings.ts'

export const limitSettings = {
  recipientCooldownSeconds: wholeNumber({
    name: 'RECIPIENT_COOLDOWN_SECONDS',
    about:
      'The least time between two messages to one recipient, over all apps, doubled by each code that is not used; 0 = off',
    min: 0,
    max: 3600,
    fallback: 0,
  }),
  recipientMaxPerHour: wholeNumber({
    name: 'RECIPIENT_MAX_PER_HOUR',
    about: 'The most messages to one recipient in any hour, over all apps; 0 = off',
    min: 0,
    max: 100,
    fallback: 0,
  }),
  sourceMaxPerHour: wholeNumber({
    name: 'SOURCE_MAX_PER_HOUR',
    about: 'The most messages asked for from one address (sourceIp of the request) in any hour; 0 = off',
    min: 0,
    max: 100_000,
    fallback: 0,
  }),
  prefixMaxPerHour: wholeNumber({
    name: 'PREFIX_MAX_PER_HOUR',
    about: 'The most messages of one app to ten thousand neighbouring numbers in any hour; 0 = off',
    min: 0,
    max: 1_000_000,
    fallback: 0,
  }),
  appMaxPerDay: appNumbers({
    name: 'APP_MAX_PER_DAY',
    about: 'The most messages of one app in any 24 hours: a number for every app, or app:number,...; 0 = off',
    max: 1_000_000_000,
  }),
  appCountries: {
    name: 'APP_COUNTRIES',
    about: 'The countries an app may send to, as app:SN|CI,app:SN; apps that are not named may send to any',
    example: 'wallet:SN|CI|ML,shop:SN',
    fallback: { value: new Map(), shown: '' },
    parse: parseAppCountries,
  } as Setting<ReadonlyMap<string, ReadonlySet<string>>>,
  pumpingGuard: oneOf({
    name: 'PUMPING_GUARD',
    about: 'What is done about prefixes of numbers whose codes nobody uses: stop them, warn, or off',
    values: ['stop', 'warn', 'off'],
    fallback: 'stop',
  }),
  appMaxWaiting: wholeNumber({
    name: 'APP_MAX_WAITING',
    about: 'The most messages of one app that have not reached an end; 0 = any number',
    min: 0,
    max: 100_000_000,
    fallback: 1_000_000,
  }),
}

/** A number for each app: `5000` for every one, or `wallet:5000,shop:1000`. Answers 0 for apps that have none. */
function appNumbers(options: { name: string; about: string; max: number }): Setting<(app: string) => number> {
  const { max, ...common } = options
  const read = (text: string) => (/^\d{1,15}$/.test(text) && Number(text) <= max ? Number(text) : undefined)
  return {
    ...common,
    example: 'wallet:5000,shop:1000',
    fallback: { value: () => 0, shown: '0' },
    parse(value) {
      const forAll = read(value)
      if (forAll !== undefined) return () => forAll
      const byApp = new Map<string, number>()
      for (const [index, entry] of value.split(',').entries()) {
        const [app = '', text = '', ...rest] = entry.trim().split(':')
        const most = read(text)
        if (!CALLER_NAME.test(app) || most === undefined || rest.length > 0)
          return new Fault(`has a fault in entry ${index + 1}: it must be app:number, up to ${max}`)
        if (byApp.has(app)) return new Fault(`has a fault in entry ${index + 1}: its app is named twice`)
        byApp.set(app, most)
      }
      return (app) => byApp.get(app) ?? 0
    },
  }
}

function parseAppCountries(value: string): ReadonlyMap<string, ReadonlySet<string>> | Fault {
  const byApp = new Map<string, ReadonlySet<string>>()
  for (const [index, entry] of value.split(',').entries()) {
    const [app = '', list = '', ...rest] = entry.trim().split(':')
    const countries = list.split('|')
    const place = `has a fault in entry ${index + 1}:`
    if (!CALLER_NAME.test(app) || rest.length > 0) return new Fault(`${place} it must be app:SN|CI`)
    const unknown = countries.find((country) => !isCountry(country))
    if (unknown !== undefined)
      return new Fault(`${place} countries are two capital letters each, as SN for Senegal`)
    if (byApp.has(app)) return new Fault(`${place} its app is named twice`)
    byApp.set(app, new Set(countries))
  }
  return byApp
}
