/** Everything the diagnosis asks Meta, and what it makes of the answers. */
import {
  createAppCredentials,
  createGraphClient,
  presentToken,
  type AppCredentials,
  type GraphClient,
  type GraphFault,
  type InspectedToken,
  type Secret,
  type StoredToken,
  type TokenRecord,
} from '@relais/core'
import { judgeAppSecret, judgeMeta, type CallResult } from './checks/app.ts'
import { fail, skipped, warn, type Check } from './checks/check.ts'
import { judgeHealth, judgeNumber } from './checks/number.ts'
import type { KnownSettings } from './checks/settings.ts'
import { judgeTemplate } from './checks/template.ts'
import { judgeSpareToken, judgeTokenInUse, type TokenContext } from './checks/token.ts'
import { judgeSubscription } from './checks/webhook.ts'
import { orWithFewerFields } from './fewer-fields.ts'

const DEFAULT_TIMEOUT_MS = 5000

/** A token to ask with, or about, and what Meta says of it. Version 0: it is not stored. */
type Subject = { token: StoredToken; inspected?: InspectedToken | GraphFault }

type Answers = {
  graph: GraphClient
  settings: KnownSettings
  credentials: AppCredentials | undefined
  record: TokenRecord | undefined
  now: number
}

/** Asks all at once what can be asked at once: three rounds of calls, each within `SEND_TIMEOUT_MS`. */
export async function askMeta(
  settings: KnownSettings,
  record: TokenRecord | undefined,
  now: number,
): Promise<Check[]> {
  const { apiBaseUrl, apiVersion, appId, appSecret } = settings
  if (!apiBaseUrl || !apiVersion) return [skipped('meta', 'its settings are faulty')]
  const calls: CallResult[] = []
  const graph = createGraphClient({
    baseUrl: apiBaseUrl,
    apiVersion,
    timeoutMs: settings.sendTimeoutMs ?? DEFAULT_TIMEOUT_MS,
    maxSockets: 10,
    appSecretProof: settings.appSecretProof ?? false,
    onCall: (outcome, latencyMs) =>
      calls.push({ latencyMs, ...(['unsent', 'unreadable'].includes(outcome) && { unreachable: outcome }) }),
  })
  const credentials = createAppCredentials({ appId, appSecret }).of(record)
  try {
    const checks = await askAll({ graph, settings, credentials, record, now })
    return [judgeMeta(apiBaseUrl, calls), ...checks]
  } finally {
    graph.close()
  }
}

async function askAll(answers: Answers): Promise<Check[]> {
  const { graph, settings, credentials, record, now } = answers
  const [inUse, spare] = subjectsOf(record, settings.accessToken, now)
  const inspect = async (subject: Subject | undefined) => {
    if (subject && credentials)
      subject.inspected = await graph.inspect(credentials, subject.token.accessToken)
  }
  const [confirmed] = await Promise.all([
    credentials && graph.confirmApp(credentials),
    inspect(inUse),
    inspect(spare),
  ])
  return [
    judgeAppSecret(confirmed),
    ...judgeTokens(answers, inUse, spare),
    ...(await readObjects(answers, [inUse, spare].find(isMaybeAlive)?.token)),
  ]
}

/** The token messages are sent with, and another one in the environment. */
function subjectsOf(
  record: TokenRecord | undefined,
  accessToken: Secret | undefined,
  now: number,
): (Subject | undefined)[] {
  const stored = presentToken(record, now)
  const own = accessToken && { version: 0, accessToken, source: 'env' as const, obtainedAt: now }
  if (!stored) return [own && { token: own }]
  const isStored = record?.tokens.some((token) => token.accessToken.reveal() === accessToken?.reveal())
  return [{ token: stored }, own && !isStored ? { token: own } : undefined]
}

function isMaybeAlive(subject: Subject | undefined): boolean {
  return subject !== undefined && !(subject.inspected?.kind === 'inspected' && !subject.inspected.isValid)
}

function judgeTokens(
  { settings, credentials, record, now }: Answers,
  inUse: Subject | undefined,
  spare: Subject | undefined,
): Check[] {
  if (!inUse) {
    return [
      fail(
        'token',
        'There is no access token in the environment, and none was found in Redis: nothing can be sent.',
        'Run scripts/get-whatsapp-tokens.sh, then restart API and workers.',
      ),
    ]
  }
  if (!credentials || !inUse.inspected)
    return [skipped('token', 'Meta cannot be asked about it without app id and secret')]
  const { renewBeforeSeconds } = settings
  const context: TokenContext = {
    appId: credentials.appId,
    renewBeforeMs: renewBeforeSeconds === undefined ? undefined : renewBeforeSeconds * 1000,
    lastRenewal: record?.lastRenewal,
    now,
  }
  const rows = judgeTokenInUse(inUse.token, inUse.inspected, context)
  if (!spare?.inspected) return rows
  return [...rows, judgeSpareToken(spare.token.accessToken, spare.inspected, credentials.appId)]
}

/** Reads the number, its account and the templates with a token that may be alive. */
async function readObjects(answers: Answers, token: StoredToken | undefined): Promise<Check[]> {
  const { graph, settings, credentials } = answers
  if (!token) return [skipped('phone number, template, webhook', 'there is no live token to ask with')]
  const bearer = {
    accessToken: token.accessToken,
    ...(credentials && { appSecret: credentials.appSecret }),
  }
  const rows = await Promise.all([
    readNumber(graph, settings.phoneNumberId, bearer),
    readAccount(graph, settings, bearer),
  ])
  return rows.flat()
}

type Bearer = Parameters<GraphClient['phoneNumber']>[1]

async function readNumber(graph: GraphClient, id: string | undefined, bearer: Bearer): Promise<Check[]> {
  if (id === undefined) {
    const nextStep =
      'Set it: WhatsApp > API Setup in the console of Meta. docs/WHATSAPP_SETUP_GUIDE.md, part 3.'
    return [fail('phone number', 'WHATSAPP_PHONE_NUMBER_ID is not set: nothing is sent.', nextStep)]
  }
  const [number, health] = await Promise.all([
    orWithFewerFields(graph.phoneNumber(id, bearer, ['status', 'throughput']), () =>
      graph.phoneNumber(id, bearer),
    ),
    graph.health(id, bearer),
  ])
  return [...judgeNumber(number), judgeHealth(health)]
}

async function readAccount(graph: GraphClient, settings: KnownSettings, bearer: Bearer): Promise<Check[]> {
  const { businessId, otpTemplate, templateLanguage, appId } = settings
  if (businessId === undefined) {
    return [
      warn(
        'business account',
        'WHATSAPP_BUSINESS_ID is not set: template and webhook cannot be checked.',
        'Set it: WhatsApp > API Setup in the console of Meta. docs/WHATSAPP_SETUP_GUIDE.md, part 3.',
      ),
    ]
  }
  const [templates, subscribed] = await Promise.all([
    otpTemplate === undefined ? undefined : readTemplates(graph, businessId, bearer, otpTemplate),
    graph.subscribedApps(businessId, bearer),
  ])
  const wanted = {
    name: otpTemplate ?? '',
    language: templateLanguage ?? '',
    otpTtlSeconds: settings.otpTtlSeconds,
  }
  const isExpected = settings.webhookVerifyToken !== undefined
  return [
    ...(templates ? judgeTemplate(templates, wanted) : [skipped('template', 'its settings are faulty')]),
    appId === undefined
      ? skipped('webhook subscription', 'WHATSAPP_APP_ID is not set')
      : judgeSubscription(subscribed, { appId, isExpected }),
  ]
}

/** With their time to live, if Meta tells it. */
export function readTemplates(graph: GraphClient, businessId: string, bearer: Bearer, name: string) {
  return orWithFewerFields(graph.templates(businessId, bearer, name, ['message_send_ttl_seconds']), () =>
    graph.templates(businessId, bearer, name),
  )
}
