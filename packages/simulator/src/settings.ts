import type { SimulatorOptions } from './options.ts'
import { timings, type TimingPreset } from './world/timing.ts'

/** What the process needs to know, and which values are the demo's own. */
export type Settings = {
  readonly options: SimulatorOptions & { port: number; adminPort: number }
  readonly demoValues: Readonly<Record<string, string>>
}

type Rule = { readonly holds: (text: string) => boolean; readonly wants: string; readonly example: string }

const port: Rule = { holds: isWhole(65_535), wants: 'must be a port number from 0 to 65535', example: '4010' }
const milliseconds: Rule = {
  holds: isWhole(600_000),
  wants: 'must be whole milliseconds up to 600000',
  example: '40',
}
const seconds: Rule = {
  holds: isWhole(10 ** 9),
  wants: 'must be whole seconds, 0 for a token that never expires',
  example: '5184000',
}
const webUrl: Rule = {
  holds: (text) => URL.canParse(text) && /^https?:\/\//.test(text),
  wants: 'must be an http(s) URL',
  example: 'http://127.0.0.1:3000/api/webhooks/whatsapp',
}
const id: Rule = { holds: matches(/^\d{1,32}$/), wants: 'must be digits only', example: '106540352242922' }
const secret: Rule = { holds: matches(/^[\x21-\x7e]+$/), wants: 'must not hold spaces', example: 'EAAB...' }
const host: Rule = {
  holds: matches(/^[\w.:-]+$/),
  wants: 'must be a host name or address',
  example: '127.0.0.1',
}
const timing: Rule = {
  holds: (text) => Object.hasOwn(timings, text),
  wants: `must be ${Object.keys(timings).join(' or ')}`,
  example: 'realistic',
}
const seed: Rule = {
  holds: isWhole(2 ** 32 - 1),
  wants: 'must be a whole number up to 4294967295',
  example: '7',
}
const templateName: Rule = {
  holds: matches(/^[a-z0-9_]{1,512}$/),
  wants: 'must be lower-case letters, digits and _',
  example: 'otp_login',
}
const language: Rule = {
  holds: matches(/^[a-z]{2,3}(_[A-Z]{2})?$/),
  wants: 'must be a language code of WhatsApp',
  example: 'fr or en_US',
}

/** Meta's webhooks are never in good order; a test decides for itself. */
const untidy = { duplicateProbability: 0.01, swapProbability: 0.05, earlyProbability: 0.01 }

/** Work well enough for a demo, and mean nothing anywhere else. */
export const demoValues = {
  WHATSAPP_PHONE_NUMBER_ID: '106540352242922',
  WHATSAPP_ACCESS_TOKEN: 'demo-access-token',
  WHATSAPP_APP_ID: '138483919580948',
  WHATSAPP_APP_SECRET: 'demo-app-secret',
  WHATSAPP_BUSINESS_ID: '102290129340398',
}

/** Reads the environment. An empty value counts as unset. `faults`: one line per malformed value, never the value. */
export function readSettings(
  env: Readonly<Record<string, string | undefined>>,
): { settings: Settings; faults?: never } | { faults: string[]; settings?: never } {
  const faults: string[] = []
  const used: Record<string, string> = {}

  function read(name: string, rule: Rule): string | undefined {
    const text = env[name]
    if (text === undefined || text === '') return undefined
    if (!rule.holds(text)) faults.push(`${name} ${rule.wants}, for example ${rule.example}`)
    return text
  }

  function readOrDemo(name: keyof typeof demoValues, rule: Rule): string {
    const text = read(name, rule)
    if (text === undefined) used[name] = demoValues[name]
    return text ?? demoValues[name]
  }

  const latency = read('SIMULATOR_LATENCY_MS', milliseconds)
  const pace = timings[(read('SIMULATOR_TIMING', timing) ?? 'quick') as TimingPreset] ?? timings.quick
  const seedText = read('SIMULATOR_SEED', seed)
  const life = read('SIMULATOR_TOKEN_LIFE_SECONDS', seconds)
  const options = {
    host: read('SIMULATOR_HOST', host),
    port: Number(read('SIMULATOR_PORT', port) ?? 4010),
    adminPort: Number(read('SIMULATOR_ADMIN_PORT', port) ?? 4011),
    webhookUrl: read('SIMULATOR_WEBHOOK_URL', webUrl),
    webhookVerifyToken: read('SIMULATOR_WEBHOOK_VERIFY_TOKEN', secret),
    ...untidy,
    seed: seedText === undefined ? undefined : Number(seedText),
    tokenLifeSeconds: life === undefined ? undefined : Number(life),
    timing:
      latency === undefined ? pace : { ...pace, answer: { min: Number(latency), max: Number(latency) } },
    phoneNumberId: readOrDemo('WHATSAPP_PHONE_NUMBER_ID', id),
    accessToken: readOrDemo('WHATSAPP_ACCESS_TOKEN', secret),
    appId: readOrDemo('WHATSAPP_APP_ID', id),
    appSecret: readOrDemo('WHATSAPP_APP_SECRET', secret),
    businessId: readOrDemo('WHATSAPP_BUSINESS_ID', id),
    templates: [
      {
        name: read('WHATSAPP_OTP_TEMPLATE', templateName) ?? 'otp_login',
        language: read('WHATSAPP_TEMPLATE_LANGUAGE', language) ?? 'fr',
        codeExpirationMinutes: 5,
        messageSendTtlSeconds: 300,
      },
    ],
  }
  if (options.port !== 0 && options.port === options.adminPort)
    faults.push('SIMULATOR_ADMIN_PORT must differ from SIMULATOR_PORT, for example 4011')
  return faults.length > 0 ? { faults } : { settings: { options, demoValues: used } }
}

function isWhole(max: number): (text: string) => boolean {
  return (text) => /^\d{1,10}$/.test(text) && Number(text) <= max
}

function matches(pattern: RegExp): (text: string) => boolean {
  return (text) => pattern.test(text)
}
