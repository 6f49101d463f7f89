/** Are the settings well formed? What is not is left out, so that the other checks can do what is left to them. */
import {
  isSet,
  readSettings,
  requireSense,
  SettingsError,
  sharedSettings,
  type Environment,
  type Setting,
  type SharedSettings,
} from '@relais/core'
import { fail, ok, warn, type Check } from './check.ts'

/** The well-formed ones. One that is faulty is absent, whatever its default. */
export type KnownSettings = Partial<SharedSettings>

export function checkSettings(environment: Environment): { settings: KnownSettings; checks: Check[] } {
  const settings: Record<string, unknown> = {}
  const faults: string[] = []
  const attempt = (read: () => void) => {
    try {
      read()
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error
      faults.push(...error.lines)
    }
  }
  for (const [key, setting] of Object.entries<Setting<unknown>>(sharedSettings))
    attempt(() => Object.assign(settings, readSettings(environment, { [key]: setting })))
  const known = settings as KnownSettings
  attempt(() => requireSense(known))
  return { settings: known, checks: [...faults.map(faultOf), ...rowsFor(environment, faults.length)] }
}

/** A line of core's reads `NAME what is wrong. About it. Example: ...` */
function faultOf(line: string): Check {
  const [what = line, ...rest] = line.split('. ')
  return fail('settings', `${what}.`, rest.join('. '))
}

function rowsFor(environment: Environment, faults: number): Check[] {
  const missing = ['API_KEYS', 'OPS_KEYS'].filter((name) => !isSet(environment, name))
  if (missing.length > 0) {
    return [
      warn(
        'settings',
        `${missing.join(' and ')} cannot be seen from here. The API does not start without.`,
        'Set what is missing in .env (see .env.example), or run this where the API gets its environment.',
      ),
    ]
  }
  return faults === 0 ? [ok('settings', 'all are well formed')] : []
}
