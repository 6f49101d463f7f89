/**
 * Settings: one value of this kind gives a setting's name, type, default, check and its lines in `.env.example`. An app
 * composes the ones it needs and reads its environment once, in `main.ts`.
 */
import { Fault } from './fault.ts'
import { Secret } from './secret.ts'
import { readSettingFile } from './setting-file.ts'

/** One setting. `parse` gets the text as set (never empty, trimmed) and answers the value, or what is wrong with it. */
export type Setting<T> = {
  name: string
  about: string
  example: string
  /** It may stand in a file instead, which `NAME_FILE` names: an environment is seen by more eyes than a file. */
  isSecret?: true
  /** Names of others: if one of them is set, this one is not required. */
  instead?: readonly string[]
  /** Absent: the setting is required. */
  fallback?: { value: T; shown: string }
  parse(text: string): T | Fault
}

/** One line per setting that is missing or malformed. */
export class SettingsError extends Error {
  override name = 'SettingsError'
  readonly lines: string[]
  constructor(lines: string[]) {
    super(lines.join('\n'))
    this.lines = lines
  }
}

/** The exit code for a faulty configuration (EX_CONFIG of sysexits.h). */
const EXIT_CONFIG = 78

/** Ends the process with a line for each faulty setting; any other error is thrown on. */
export function exitOnFaultySettings(error: unknown): never {
  if (!(error instanceof SettingsError)) throw error
  process.stderr.write(`${error.lines.join('\n')}\n`)
  process.exit(EXIT_CONFIG)
}

export type SettingsOf<S> = { [K in keyof S]: S[K] extends Setting<infer T> ? T : never }

/** An environment, as `process.env` has it. An empty value counts as not set: compose files pass those. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Reads every setting, or throws a `SettingsError` that names all that is wrong, not only the first. */
export function readSettings<S extends Record<string, Setting<unknown>>>(
  environment: Environment,
  settings: S,
): SettingsOf<S> {
  const faults: string[] = []
  const values = Object.entries(settings).map(([key, setting]) => {
    const text = settingText(environment, setting)
    if (text instanceof Fault) {
      const name = fileName(setting.name)
      faults.push(line({ ...setting, name, example: exampleFile(setting) }, text.problem))
      return [key, undefined]
    }
    if (text === undefined) {
      const isSetElsewhere = setting.instead?.some((name) => isSet(environment, name))
      if (!setting.fallback && !isSetElsewhere) faults.push(line(setting, 'is missing'))
      return [key, setting.fallback?.value]
    }
    const value = setting.parse(text)
    if (value instanceof Fault) faults.push(line(setting, value.problem))
    return [key, value]
  })
  if (faults.length > 0) throw new SettingsError(faults)
  return Object.fromEntries(values) as SettingsOf<S>
}

/**
 * The text of a setting, trimmed: as the environment has it, or from the file that `NAME_FILE` names. `undefined`: not set.
 * A `Fault` is about `NAME_FILE`.
 */
export function settingText(
  environment: Environment,
  { name, isSecret }: Pick<Setting<unknown>, 'name' | 'isSecret'>,
): string | Fault | undefined {
  const text = environment[name]?.trim() || undefined
  const path = isSecret && environment[fileName(name)]?.trim()
  if (!path) return text
  return text === undefined ? readSettingFile(path) : new Fault(`is set, and ${name} too: unset one of them`)
}

/** Does the environment set it, itself or by naming a file? */
export function isSet(environment: Environment, name: string): boolean {
  return Boolean(environment[name]?.trim() || environment[fileName(name)]?.trim())
}

function fileName(name: string): string {
  return `${name}_FILE`
}

function exampleFile({ name }: Pick<Setting<unknown>, 'name'>): string {
  return `/run/secrets/${name.toLowerCase()}`
}

type Told = Pick<Setting<unknown>, 'name' | 'about' | 'example'>

function line({ name, about, example }: Told, problem: string): string {
  return `${name} ${problem}. ${about}. Example: ${name}=${example}`
}

const EXAMPLE_HEADER = `# The settings of Relais. Copy this file to .env, put in your own values, and uncomment what differs from its default.
# The environment wins over the file. The examples of keys below are refused: they are known to everyone.
#
# \`npm start\` needs none of this: it makes keys of its own, brings a Redis, and simulates WhatsApp until
# WHATSAPP_PHONE_NUMBER_ID and WHATSAPP_ACCESS_TOKEN are set. For it, leave the required ones out that you do not have.
#
# A secret may stand in a file of its own instead: NAME_FILE then holds the path of that file, and NAME is not set.
`

/** The text of `.env.example` for these settings, in order; optional ones commented out with their default. */
export function exampleEnvironment(settings: Iterable<Setting<unknown>>): string {
  const all = [...settings]
  const secrets = all.filter(({ isSecret }) => isSecret).map(({ name }) => `#   ${fileName(name)}\n`)
  const blocks = all.map(({ name, about, example, fallback, instead }) => {
    const assignment = fallback ? `# ${name}=${fallback.shown}` : `${name}=${example}`
    const required = instead ? `. Required, unless ${instead.join(' or ')} is set` : '. Required'
    return `# ${about}${fallback ? '' : required}\n${assignment}\n`
  })
  return [EXAMPLE_HEADER + secrets.join(''), ...blocks].join('\n')
}

type Common = { name: string; about: string; example?: string }

/** A whole number between two bounds. */
export function wholeNumber(
  options: Common & { min: number; max: number; fallback: number },
): Setting<number> {
  const { min, max, fallback, ...common } = options
  return {
    example: String(fallback),
    ...common,
    fallback: { value: fallback, shown: String(fallback) },
    parse(text) {
      const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN
      if (value >= min && value <= max) return value
      return new Fault(`must be a whole number from ${min} to ${max}`)
    },
  }
}

/** A whole number whose default depends on other things: `undefined` unless set. */
export function optionalWholeNumber(
  options: Common & { min: number; max: number; example: string; shown: string },
): Setting<number | undefined> {
  const { shown, ...rest } = options
  const { parse } = wholeNumber({ ...rest, fallback: rest.min })
  return { ...rest, fallback: { value: undefined, shown }, parse }
}

/** One of a few words. */
export function oneOf<const T extends string>(
  options: Common & { values: readonly T[]; fallback: T },
): Setting<T> {
  const { values, fallback, ...common } = options
  return {
    example: fallback,
    ...common,
    fallback: { value: fallback, shown: fallback },
    parse: (text) =>
      values.find((value) => value === text) ?? new Fault(`must be one of ${values.join(', ')}`),
  }
}

/** A text of a given form. Without `fallback` it is required; `fallback: undefined` makes it optional. */
export function text<T extends string | undefined>(
  options: Common & { example: string; pattern: RegExp; form: string; fallback: T },
): Setting<string | T> {
  const { pattern, form, fallback, ...common } = options
  return {
    ...common,
    fallback: { value: fallback, shown: fallback ?? '' },
    parse: (value) => (pattern.test(value) ? value : new Fault(`must be ${form}`)),
  }
}

/** A URL of one of the given protocols. */
export function url<F extends string | undefined>(
  options: Common & { example: string; protocols: readonly string[]; fallback?: F },
): Setting<string> {
  const { protocols, fallback, ...common } = options
  return {
    ...common,
    ...(fallback === undefined ? {} : { fallback: { value: fallback, shown: fallback } }),
    parse(value) {
      const parsed = URL.canParse(value) ? new URL(value) : undefined
      if (parsed && protocols.includes(parsed.protocol) && parsed.hostname) return value.replace(/\/+$/, '')
      return new Fault(`must be a URL that starts with ${protocols.map((p) => `${p}//`).join(' or ')}`)
    },
  }
}

/** A secret text without spaces; `undefined` unless set. */
export function secret(options: Common & { example: string }): Setting<Secret | undefined> {
  return {
    ...options,
    isSecret: true,
    fallback: { value: undefined, shown: '' },
    parse(value) {
      if (/^[\x21-\x7e]{1,4096}$/.test(value)) return new Secret(value)
      return new Fault('must be printable characters without spaces, 4096 at most')
    },
  }
}

/** A switch. */
export function onOff(options: Common & { fallback: boolean }): Setting<boolean> {
  const { fallback, ...common } = options
  return {
    ...common,
    example: 'on',
    fallback: { value: fallback, shown: fallback ? 'on' : 'off' },
    parse(value) {
      if (value === 'on') return true
      if (value === 'off') return false
      return new Fault('must be on or off')
    },
  }
}
