/** The whole of Relais for a test: real processes for the apps, a real Redis, and the simulator in the test's own process. */
import { randomBytes } from 'node:crypto'
import { createSimulator, type Simulator, type SimulatorOptions } from '@relais/simulator'
import {
  eventually,
  freePort,
  sharedRedisUrl,
  startNode,
  uniquePrefix,
  type NodeProcess,
  type NodeProcessOptions,
} from '@relais/testing'
import { afterAll, beforeAll } from 'vitest'

/** Secrets of one run: unlike anything else, so that a search for them proves something. */
export type RunSecrets = {
  apiKey: string
  otherApiKey: string
  opsKey: string
  encryptionKey: string
  accessToken: string
  appSecret: string
  verifyToken: string
  /** Of Supabase's hook of the app wallet, as `whsec_<base64>`. */
  hookSecret: string
}

export type System = Awaited<ReturnType<typeof startSystem>>

const sender = { phoneNumberId: '106540352242922', businessId: '102290129340398', appId: '138483919580948' }

/** A message as the API shows it. */
export type ShownMessage = {
  id: string
  status: string
  reason?: string
  attempts: number
  providerMessageId?: string
  expiresAt: string
  timeline: { status: string; at: string; detail?: string }[]
}

/** The simulator's answers come fast, so that tests do not wait for nothing. */
const QUICK: SimulatorOptions['timing'] = {
  answer: { min: 1, max: 5 },
  sent: { min: 5, max: 10 },
  delivered: { min: 20, max: 40 },
  read: { min: 600_000, max: 600_000 },
}

/** Where what was opened is left to be closed: a test's context, or a file's. */
export type Scope = { onTestFinished(close: () => Promise<void>): void }

export type SystemOptions = {
  workers?: number
  /** Settings of API and workers, on top of those they need. */
  env?: Record<string, string>
  /** Settings of workers alone. */
  workerEnv?: Record<string, string>
  simulator?: Partial<SimulatorOptions>
  redisUrl?: string
  withReceipts?: boolean
  /** Lets the test set the clocks of all processes ahead, and the simulator's with them. */
  hasMovableClock?: boolean
}

/** One system for all tests of a file, which then keep to recipients of their own. */
export function sharedSystem(options: SystemOptions = {}): () => System {
  const closers: (() => Promise<void>)[] = []
  let system: System | undefined
  beforeAll(async () => {
    system = await startSystem({ onTestFinished: (close) => void closers.push(close) }, options)
  })
  afterAll(async () => {
    for (const close of closers.toReversed()) await close()
  })
  return () => {
    if (!system) throw new Error('the system has not started')
    return system
  }
}

/** Starts the simulator, one API and some workers on the shared Redis, unless another is given. All ends with the scope. */
export async function startSystem(scope: Scope, options: SystemOptions = {}) {
  const { workers = 1, withReceipts = true, hasMovableClock = false } = options
  const secrets = newSecrets()
  const apiPort = await freePort()
  const apiUrl = `http://127.0.0.1:${apiPort}`
  const simulator = await createSimulator({
    ...sender,
    accessToken: secrets.accessToken,
    appSecret: secrets.appSecret,
    timing: QUICK,
    pairLimit: false,
    throughputPerSecond: 0,
    ...(withReceipts && { webhookUrl: `${apiUrl}/api/webhooks/whatsapp` }),
    ...options.simulator,
  })
  scope.onTestFinished(() => simulator.close())
  const env = {
    PORT: String(apiPort),
    METRICS_PORT: '0',
    REDIS_URL: options.redisUrl ?? sharedRedisUrl(),
    QUEUE_PREFIX: uniquePrefix(),
    WHATSAPP_PHONE_NUMBER_ID: sender.phoneNumberId,
    WHATSAPP_BUSINESS_ID: sender.businessId,
    WHATSAPP_APP_ID: sender.appId,
    WHATSAPP_APP_SECRET: secrets.appSecret,
    WHATSAPP_ACCESS_TOKEN: secrets.accessToken,
    WHATSAPP_API_BASE_URL: simulator.graphUrl,
    ...(withReceipts && { WHATSAPP_WEBHOOK_VERIFY_TOKEN: secrets.verifyToken }),
    API_KEYS: `wallet:${secrets.apiKey},shop:${secrets.otherApiKey}`,
    OPS_KEYS: `awa:${secrets.opsKey}`,
    ENCRYPTION_KEYS: `k1:${secrets.encryptionKey}`,
    SUPABASE_HOOK_SECRETS: `wallet=v1,${secrets.hookSecret}`,
    SEND_RATE_PER_SECOND: '0',
    ...options.env,
  }
  const processes: NodeProcess[] = []
  let aheadMs = 0
  const api = startApp('api')
  const pool = Array.from({ length: workers }, () => startApp('worker', options.workerEnv))
  await Promise.all([isUp(api), ...pool.map(isUp)])

  const call = (method: string, path: string, key: string, body?: unknown) =>
    fetch(apiUrl + path, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })

  const message = async (id: string): Promise<ShownMessage> => {
    const answer = await call('GET', `/api/messages/${id}`, secrets.apiKey)
    return (await answer.json()) as ShownMessage
  }

  return {
    secrets,
    env,
    apiUrl,
    simulator,
    api,
    workers: pool,
    startApp,
    call,
    message,

    /** Posts a message as one of the two apps. */
    post: (body: unknown, app: 'wallet' | 'shop' = 'wallet') =>
      call('POST', '/api/messages', app === 'wallet' ? secrets.apiKey : secrets.otherApiKey, body),
    sendAny,

    /** Sends a code and gives the message's id. Fails unless it is accepted. */
    send: (to: string, code: string, more: object = {}) => sendAny({ to, type: 'otp', code, ...more }),

    /** Waits until the message is in one of these states. */
    reaches: (id: string, statuses: string[], timeoutMs = 15_000) =>
      eventually(
        () => message(id),
        ({ status }) => statuses.includes(status),
        { timeoutMs, everyMs: 50, what: `message ${id} in ${statuses.join(' or ')}` },
      ),

    /** Waits until the timeline of the message mentions something. */
    tells: (id: string, what: string) =>
      eventually(
        () => message(id),
        ({ timeline }) => timeline.some(({ detail }) => detail?.includes(what)),
        { what: `${what} in the timeline of ${id}` },
      ),

    /** Calls as an operator; the answer's status and JSON. */
    async operate(method: string, path: string, body?: unknown) {
      const answer = await call(method, path, secrets.opsKey, body)
      return { statusCode: answer.status, body: (await answer.json()) as Record<string, unknown> }
    },

    /** The one fallback record of a message, of whichever worker. */
    async fallbackRecord(id: string) {
      const records = await eventually(
        () => events('message.fallback').filter(({ messageId }) => messageId === id),
        ({ length }) => length > 0,
        { what: `a fallback record of ${id}` },
      )
      if (records.length > 1) throw new Error(`${records.length} fallback records of ${id}`)
      return records[0]
    },

    events,

    /** Every token that Meta has given out: with one of them left alive, sending goes on. */
    revokeTokens(): void {
      for (const { fingerprint } of simulator.tokens()) simulator.revokeToken(fingerprint)
    },

    /** Lets time pass for everyone at once. */
    async passTime(ms: number): Promise<void> {
      aheadMs += ms
      simulator.clock.advance(ms)
      await Promise.all(processes.map((each) => each.setAhead(aheadMs)))
    },

    /** Everything every process has written. */
    output: () => processes.flatMap((each) => each.lines()),
  }

  /** A 503 is tried again, as a client would: a crowded machine may keep Redis waiting. */
  async function sendAny(body: unknown): Promise<string> {
    const answer = await eventually(
      () => call('POST', '/api/messages', secrets.apiKey, body),
      ({ status }) => status !== 503,
      { everyMs: 200, what: 'an API that accepts' },
    )
    if (answer.status !== 202) throw new Error(`not accepted: ${answer.status} ${await answer.text()}`)
    return ((await answer.json()) as { id: string }).id
  }

  /** Log events of a name, of all processes so far. */
  function events(name: string) {
    return processes.flatMap((each) => each.jsonLines()).filter(({ event }) => event === name)
  }

  /** One more process of an app, with the settings of the others. */
  function startApp(
    name: 'api' | 'worker',
    more: Record<string, string> = {},
    how?: NodeProcessOptions,
  ): NodeProcess {
    const child = startNode(`apps/${name}/dist/main.js`, { ...env, ...more }, { hasMovableClock, ...how })
    processes.push(child)
    scope.onTestFinished(() => child.kill())
    return child
  }
}

/** An app is up when it says so; on a crowded machine that takes its time. */
export function isUp(app: NodeProcess): Promise<string> {
  return app.waitForLine((line) => /api\.listening|worker\.started/.test(line), 60_000)
}

/** Recipients for whom the simulator forces nothing, each only once in `count`. */
export function recipients(count: number): string[] {
  return Array.from(
    { length: count },
    (_, i) => `+22177${1 + Math.floor(i / 4000)}2${String(15_000 + (i % 4000))}`,
  )
}

/** The sends that reached Meta, whatever it answered. */
export function sendsOf(simulator: Simulator, messageId: string) {
  return simulator.calls().filter(({ kind, callbackData }) => kind === 'send' && callbackData === messageId)
}

/** The messages Meta took. */
export function takenBy(simulator: Simulator, messageId: string) {
  return simulator.messages().filter(({ callbackData }) => callbackData === messageId)
}

function newSecrets(): RunSecrets {
  const random = () => randomBytes(18).toString('hex')
  return {
    apiKey: `key-${random()}`,
    otherApiKey: `key-${random()}`,
    opsKey: `ops-${random()}`,
    encryptionKey: randomBytes(32).toString('base64'),
    accessToken: `EAA${random()}`,
    appSecret: random(),
    verifyToken: `verify-${random()}`,
    hookSecret: `whsec_${randomBytes(32).toString('base64')}`,
  }
}
