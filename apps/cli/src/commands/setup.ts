/** `setup`: the guide that collects Meta's values, checks each, and writes them to `.env` when the person agrees. */
import {
  createGraphClient,
  describeFault,
  encryptionSettings,
  fingerprint,
  isSet,
  redisSettings,
  Secret,
  type AppCredentials,
  type Environment,
  type GraphClient,
} from '@relais/core'
import { checkSettings, type KnownSettings } from '../checks/settings.ts'
import { readEnvFile, writeEnvFile, type Refusal } from '../env-file.ts'
import type { Paint } from '../paint.ts'
import { NoAnswerError, type Prompt } from '../prompt.ts'
import { confirmBusiness, isNumberReadable } from '../setup/account-step.ts'
import { createConversation, StoppedError, type Conversation } from '../setup/conversation.ts'
import { appSecretFormat, idFormat } from '../setup/formats.ts'
import { askToken } from '../setup/token-step.ts'
import type { Say } from '../texts.ts'

const TIMEOUT_MS = 10_000
const EXIT_NOTHING_WRITTEN = 1
const EXIT_CONFIG = 78

/** What a process needs besides Meta's values. */
const ALSO_NEEDED: { name: string; instead?: readonly string[] }[] = [
  { name: 'API_KEYS' },
  { name: 'OPS_KEYS' },
  encryptionSettings.encryptionKeys,
  redisSettings.redisUrl,
]

type Guide = {
  talk: Conversation
  graph: GraphClient
  settings: KnownSettings
  now: () => number
}

type Collected = {
  app: AppCredentials
  phoneNumberId: string
  businessId: string
  accessToken: Secret
}

/** Answers the exit code. What exists already is offered to be kept. */
export async function runSetup(deps: {
  environment: Environment
  envFile: string
  prompt: Prompt
  say: Say
  paint: Paint
  print: (text: string) => void
  now?: () => number
}): Promise<number> {
  const { environment, envFile, now = Date.now } = deps
  const talk = createConversation(deps)
  const { settings } = checkSettings(environment)
  const { apiBaseUrl, apiVersion } = settings
  if (!apiBaseUrl || !apiVersion) {
    deps.print('WHATSAPP_API_BASE_URL or WHATSAPP_API_VERSION is malformed: see .env.example.\n')
    return EXIT_CONFIG
  }
  const inFile = ['WHATSAPP_ACCESS_TOKEN_FILE', 'WHATSAPP_APP_SECRET_FILE'].find((name) => environment[name])
  if (inFile) {
    deps.print(`${inFile} is set, and this guide writes into .env: put the value into that file instead.\n`)
    return EXIT_CONFIG
  }
  const found = await readEnvFile(envFile)
  if ('refusal' in found) return refuse(talk, found.refusal, envFile)
  const graph = createGraphClient({
    baseUrl: apiBaseUrl,
    apiVersion,
    timeoutMs: TIMEOUT_MS,
    maxSockets: 2,
    appSecretProof: settings.appSecretProof ?? false,
  })
  try {
    introduce(talk, envFile, apiBaseUrl)
    const collected = await collect({ talk, graph, settings, now })
    return await finish(talk, collected, { envFile, environment })
  } catch (error) {
    if (error instanceof StoppedError) talk.tell('notWritten')
    else if (error instanceof NoAnswerError) talk.tell('ended')
    else throw error
    return EXIT_NOTHING_WRITTEN
  } finally {
    graph.close()
  }
}

function introduce(talk: Conversation, envFile: string, apiBaseUrl: string): void {
  talk.heading('title')
  talk.tell('intro')
  talk.tell('target', { file: envFile })
  if (apiBaseUrl !== 'https://graph.facebook.com') talk.tell('askedAt', { url: apiBaseUrl })
}

async function collect(guide: Guide): Promise<Collected> {
  const { talk, settings } = guide
  const app = await askApp(guide)
  talk.heading('numberHeading')
  talk.tell('numberWhere')
  let phoneNumberId = await talk.askText('numberAsk', settings.phoneNumberId, idFormat(app.appId))
  talk.heading('businessHeading')
  talk.tell('businessWhere')
  const businessId = await talk.askText(
    'businessAsk',
    settings.businessId,
    idFormat(app.appId, phoneNumberId),
  )
  talk.heading('tokenHeading')
  talk.tell('tokenWhere')
  let accessToken = await askToken({ ...guide, app }, settings.accessToken)
  while (!(await isNumberReadable({ ...guide, app }, phoneNumberId, accessToken))) {
    phoneNumberId = await talk.askText('numberAsk', phoneNumberId, idFormat(app.appId, businessId))
    accessToken = await askToken({ ...guide, app }, accessToken)
  }
  const template = { name: settings.otpTemplate ?? 'otp_login', language: settings.templateLanguage ?? 'fr' }
  const confirmed = await confirmBusiness(
    { ...guide, app },
    { businessId, phoneNumberId, accessToken },
    template,
  )
  return { app, phoneNumberId, businessId: confirmed, accessToken }
}

/** App id and secret, until Meta takes them together. */
async function askApp({ talk, graph, settings }: Guide): Promise<AppCredentials> {
  let { appId, appSecret } = settings
  for (;;) {
    talk.heading('appHeading')
    talk.tell('appWhere')
    appId = await talk.askText('appAsk', appId, idFormat())
    talk.heading('secretHeading')
    talk.tell('secretWhere')
    appSecret = await talk.askSecret('secretAsk', appSecret, appSecretFormat)
    const app = { appId, appSecret }
    const confirmed = await talk.untilAnswered(() => graph.confirmApp(app))
    if (confirmed.kind === 'app') {
      talk.good('appConfirmed', { fingerprint: fingerprint(appSecret) })
      return app
    }
    talk.complain('appRefused', { error: describeFault(confirmed).error })
  }
}

/** Shows what would be written, asks, and writes. */
async function finish(
  talk: Conversation,
  { app, phoneNumberId, businessId, accessToken }: Collected,
  { envFile, environment }: { envFile: string; environment: Environment },
): Promise<number> {
  const values = {
    WHATSAPP_PHONE_NUMBER_ID: phoneNumberId,
    WHATSAPP_ACCESS_TOKEN: accessToken,
    WHATSAPP_APP_ID: app.appId,
    WHATSAPP_APP_SECRET: app.appSecret,
    WHATSAPP_BUSINESS_ID: businessId,
  }
  talk.heading('summaryHeading')
  for (const [name, value] of Object.entries(values)) talk.line(name, value)
  if (!(await talk.confirm('writeAsk', false, { file: envFile }))) {
    talk.tell('notWritten')
    return EXIT_NOTHING_WRITTEN
  }
  const texts = Object.entries(values).map(([name, value]) => [
    name,
    value instanceof Secret ? value.reveal() : value,
  ])
  const refusal = await writeEnvFile(envFile, Object.fromEntries(texts) as Record<string, string>)
  if (refusal) return refuse(talk, refusal, envFile)
  talk.good('written', { file: envFile })
  const missing = ALSO_NEEDED.filter(
    ({ name, instead = [] }) => ![name, ...instead].some((each) => isSet(environment, each)),
  )
  if (missing.length > 0) talk.tell('stillMissing', { names: missing.map(({ name }) => name).join(', ') })
  talk.tell('next')
  return 0
}

function refuse(talk: Conversation, refusal: Refusal, file: string): number {
  talk.complain(`refusal.${refusal}`, { file })
  talk.tell('notWritten')
  return EXIT_NOTHING_WRITTEN
}
