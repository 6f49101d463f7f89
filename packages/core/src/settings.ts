/**
 * Settings: one value of this kind gives a setting's name, type, default, check and its lines in `.env.example`. An app
 * composes the ones it needs and reads its environment once, in `main.ts`.
 */

/** One setting. `parse` gets the text as set (never empty, trimmed) and answers the value, or what is wrong with it. */
export type Setting<T> = {
  name: string
  about: string
  example: string
  /** Names of others: if one of them is set, this one is not required. */
  instead?: readonly string[]
  /** Absent: the setting is required. */
  fallback?: { value: T; shown: string }
  parse(text: string): T | Fault
}

/** Why a value was refused. Never contains the value: it may be a secret. */
export class Fault {
  readonly problem: string
  constructor(problem: string) {
    this.problem = problem
  }
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
    const text = environment[setting.name]?.trim()
    if (!text) {
      const isSetElsewhere = setting.instead?.some((name) => environment[name]?.trim())
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

function line(setting: Setting<unknown>, problem: string): string {
  return `${setting.name} ${problem}. ${setting.about}. Example: ${setting.name}=${setting.example}`
}

const EXAMPLE_HEADER = `# The settings of Relais. Copy this file to .env, put in your own values, and uncomment what differs from its default.
# The environment wins over the file. The examples of keys below are refused: they are known to everyone.
#
# \`npm start\` needs none of this: it makes keys of its own, brings a Redis, and simulates WhatsApp until
# WHATSAPP_PHONE_NUMBER_ID and WHATSAPP_ACCESS_TOKEN are set. For it, leave the required ones out that you do not have.

`

/** The text of `.env.example` for these settings, in order; optional ones commented out with their default. */
export function exampleEnvironment(settings: Iterable<Setting<unknown>>): string {
  const blocks = [...settings].map(({ name, about, example, fallback, instead }) => {
    const assignment = fallback ? `# ${name}=${fallback.shown}` : `${name}=${example}`
    const required = instead ? `. Required, unless ${instead.join(' or ')} is set` : '. Required'
    return `# ${about}${fallback ? '' : required}\n${assignment}\n`
  })
  return EXAMPLE_HEADER + blocks.join('\n')
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
