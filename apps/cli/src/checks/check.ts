/** What a check found: one row of the diagnosis. */
export type Result = 'ok' | 'warn' | 'fail' | 'skipped'

export type Check = {
  name: string
  result: Result
  what: string
  /** What to do about it: there for every warning and every failure. */
  nextStep?: string
}

export const ok = (name: string, what: string): Check => ({ name, result: 'ok', what })

export const warn = (name: string, what: string, nextStep: string): Check => ({
  name,
  result: 'warn',
  what,
  nextStep,
})

export const fail = (name: string, what: string, nextStep: string): Check => ({
  name,
  result: 'fail',
  what,
  nextStep,
})

/** Not looked at, and why. */
export const skipped = (name: string, what: string): Check => ({ name, result: 'skipped', what })

/** The worst of them; what was skipped says nothing. */
export function worst(checks: readonly Check[]): 'ok' | 'warn' | 'fail' {
  const results = checks.map(({ result }) => result)
  return (['fail', 'warn'] as const).find((result) => results.includes(result)) ?? 'ok'
}
