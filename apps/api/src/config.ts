/** The API's settings: the shared ones, and who may call. */
import { createHash } from 'node:crypto'
import {
  Fault,
  listenHost,
  metricsPort,
  onOff,
  SettingsError,
  sharedSettings,
  wholeNumber,
  type Setting,
  type SettingsOf,
} from '@relais/core'
import { alertSettings } from './alert-settings.ts'
import { supabaseSettings } from './supabase-settings.ts'
import { trustedProxies } from './trusted-proxies.ts'

/** A caller's name and the SHA-256 of its key. The key itself is not kept, only whether it could be guessed. */
export type CallerKey = { name: string; sha256: Buffer; isShort: boolean }

/** Shorter keys than this are told of at the start. */
const SHORT_KEY = 16

export const apiSettings = {
  port: wholeNumber({ name: 'PORT', about: "The API's port", min: 0, max: 65535, fallback: 3000 }),
  host: listenHost('The address it listens on'),
  metricsPort: metricsPort(9464),
  trustedProxies,
  boardWrites: onOff({
    name: 'BOARD_WRITES',
    about: 'Let operators retry, promote, remove and pause jobs on the board; off = it only shows them',
    fallback: false,
  }),
  apiKeys: callerKeys({
    name: 'API_KEYS',
    about: 'Who may send, as app:key,app:key; a key may be given as sha256:<hex of the key>',
    example: 'wallet:8f2c51d0e6b74a39',
  }),
  opsKeys: callerKeys({
    name: 'OPS_KEYS',
    about: 'Who may operate, as operator:key,operator:key; same form',
    example: 'awa:3d90ab77c1e24f58',
  }),
  ...supabaseSettings,
  ...alertSettings,
  ...sharedSettings,
}

export type ApiSettings = SettingsOf<typeof apiSettings>

/** Throws a `SettingsError` if a key is both an app's and an operator's: it would open what it should not. */
export function requireDistinctKeys({ apiKeys, opsKeys }: Pick<ApiSettings, 'apiKeys' | 'opsKeys'>): void {
  const shared = opsKeys.find(({ sha256 }) => apiKeys.some((app) => app.sha256.equals(sha256)))
  if (!shared) return
  throw new SettingsError([
    `OPS_KEYS has a key that is in API_KEYS as well: that of ${shared.name}. Example: OPS_KEYS=${apiSettings.opsKeys.example}`,
  ])
}

function callerKeys(options: { name: string; about: string; example: string }): Setting<CallerKey[]> {
  return { ...options, isSecret: true, parse: (value) => parseCallerKeys(value, options.example) }
}

function parseCallerKeys(value: string, example: string): CallerKey[] | Fault {
  const callers: CallerKey[] = []
  for (const [index, entry] of value.split(',').entries()) {
    const [, name, key] = /^([a-z0-9][a-z0-9_-]{0,31}):(\S+)$/i.exec(entry.trim()) ?? []
    const place = `has a fault in entry ${index + 1}:`
    if (!name || !key) return new Fault(`${place} it must be name:key`)
    if (entry.trim() === example) return new Fault(`${place} it is the example; make a key of your own`)
    const sha256 = digestOf(key)
    if (!sha256) return new Fault(`${place} after sha256: there must be 64 hex digits, the hash of the key`)
    if (callers.some((other) => other.sha256.equals(sha256))) {
      return new Fault(`${place} its key is used twice`)
    }
    callers.push({ name, sha256, isShort: key.length < SHORT_KEY })
  }
  return callers
}

function digestOf(key: string): Buffer | undefined {
  if (!key.startsWith('sha256:')) return createHash('sha256').update(key).digest()
  const hex = /^sha256:([0-9a-f]{64})$/i.exec(key)?.[1]
  return hex === undefined ? undefined : Buffer.from(hex, 'hex')
}
