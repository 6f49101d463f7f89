/**
 * Rules in a hurry: every duration of a rules file is divided by one factor, so that an alert which waits for five minutes waits for seconds.
 * What the rules compare with stays as it is: `> 30` is a value and no duration, also where the value is one in seconds.
 */

const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** Prometheus takes no shorter one. */
const LEAST_MS = 1

/** `for: 5m`, `interval: 30s`, `keep_firing_for: 1h`: settings of a rule or a group. */
const SETTING = /^(\s*(?:- )?(?:for|interval|keep_firing_for): *)(\S.*)$/gm

/** `[5m]`, `[1h:30s]`, `[1h:]`: windows. */
const WINDOW = /\[(\d[^\]:]*)(?:(:)([^\]]*))?\]/g

const OFFSET = /\b(offset )(\d\w*)/g

/**
 * The text of a rules file with its durations divided by the factor.
 *
 * @throws Error for a duration that it cannot read, such as `1h30m`: it would stay long, and the test wait for ever
 */
export function compressRules(text: string, factor: number): string {
  const shorter = (duration: string) => shorten(duration, factor)
  return text
    .replaceAll(SETTING, (_all, before: string, duration: string) => before + shorter(duration))
    .replaceAll(
      WINDOW,
      (_all, window: string, colon = '', step = '') => `[${shorter(window)}${colon}${step && shorter(step)}]`,
    )
    .replaceAll(OFFSET, (_all, before: string, duration: string) => before + shorter(duration))
}

function shorten(duration: string, factor: number): string {
  const [, count, unit = ''] = /^(\d+)([smhd])$/.exec(duration) ?? []
  const seconds = Number(count) * (SECONDS[unit] ?? NaN)
  if (Number.isNaN(seconds)) throw new Error(`cannot shorten ${duration}`)
  return `${Math.max(LEAST_MS, Math.round((seconds * 1000) / factor))}ms`
}
