// The first process of each container: `node scripts/start-container.mjs <main> <simulator's URL>`. It runs that main in this
// very process; before it stands the one question of the demo: is WhatsApp simulated?
//
// `docker compose --profile demo up` adds a simulator, but a profile cannot change what another service is given, so the
// apps look for it themselves. Not with a token of Meta's or an address other than Meta's in the environment: then messages are
// meant for people, and a simulator that somebody starts beside them must not swallow them.
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'

const metaUrl = 'https://graph.facebook.com'
const lookForMs = 3000

const { env } = process
const [, , main, simulatorUrl] = process.argv
if (main.includes('simulator')) {
  requireNothingReal()
  takeSecretsFromFiles()
} else if (!isReal() && (await isSimulated())) {
  await useSimulator()
}
await import(pathToFileURL(main).href)

/** Tokens of Meta's start with EAA and have some 200 characters. A number without a token is real too: its token is in Redis. */
function isReal() {
  if ((env.WHATSAPP_API_BASE_URL || metaUrl) !== metaUrl) return true
  const token = textOf('WHATSAPP_ACCESS_TOKEN')
  if (token) return /^EAA.{97}/.test(token)
  return Boolean(env.WHATSAPP_PHONE_NUMBER_ID)
}

async function isSimulated() {
  for (const end = Date.now() + lookForMs; Date.now() < end; await sleep(200)) {
    const answer = await fetch(simulatorUrl, { signal: AbortSignal.timeout(1000) }).catch(() => undefined)
    if (answer?.ok) return true
  }
  return false
}

/** What is not set is taken from the simulator's own demo values, so that both sides agree. */
async function useSimulator() {
  const { demoValues } = await import(new URL('../packages/simulator/dist/settings.js', import.meta.url).href)
  const made = { ...demoValues, WHATSAPP_WEBHOOK_VERIFY_TOKEN: 'demo-verify-token' }
  for (const [name, value] of Object.entries(made)) if (!env[`${name}_FILE`]) env[name] ||= value
  env.WHATSAPP_API_BASE_URL = simulatorUrl
  console.log(JSON.stringify({ level: 30, time: Date.now(), event: 'demo', msg: 'WhatsApp is simulated' }))
}

/** A setting, or what stands in the file that NAME_FILE names. The apps read such files themselves, and say what is wrong with one. */
function textOf(name) {
  const file = env[`${name}_FILE`]
  if (env[name] || !file) return env[name]
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return 'unreadable'
  }
}

/** The simulator knows values only. Both sides must have the same. */
function takeSecretsFromFiles() {
  for (const name of ['WHATSAPP_ACCESS_TOKEN', 'WHATSAPP_APP_SECRET']) env[name] = textOf(name) ?? ''
}

function requireNothingReal() {
  if (env.WHATSAPP_API_BASE_URL === simulatorUrl || !isReal()) return
  console.error(
    'The WHATSAPP_* settings are those of a real number: messages go to people, nothing is simulated.',
  )
  console.error(`For the demo unset them, or set WHATSAPP_API_BASE_URL=${simulatorUrl}`)
  process.exit(78)
}
