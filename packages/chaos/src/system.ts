/** All of Relais on this machine: two Redis, the simulator in this process, APIs and workers, and a link of its own between each pair. */
import { createSimulator } from '@relais/simulator'
import { freePort, openLink, type Link } from '@relais/testing'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createApp, type App } from './app.ts'
import { nodeArgsWithout, type Mutant } from './mutants/mutants.ts'
import { startRedisPair } from './redis-pair.ts'

/** Replicas that must have a message before it is acknowledged, in runs with failovers. */
const WAIT_REPLICAS = 1

const SENDER = { phoneNumberId: '106540352242922', businessId: '102290129340398', appId: '138483919580948' }

/** The product's own time limits; all others are its defaults. */
const SEND_RATE_PER_SECOND = 80

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

export type WorkerPlace = { app: App; toRedis: Link; toMeta: Link; fallbackLog: string }
export type ApiPlace = { app: App; toRedis: Link; fromClient: Link; isUp: boolean }
export type System = Awaited<ReturnType<typeof startSystem>>

/**
 * @param options.logs a folder for what all processes write, at level `info`; without it only warnings are kept, in memory
 * @param options.onFault told of what no process may do
 */
export async function startSystem(options: {
  seed: number
  workers: number
  apis: number
  deliverWithinSeconds: number
  withReplica: boolean
  without: readonly Mutant[]
  logs?: string
  onFault: (fault: string) => void
}) {
  const { onFault, logs } = options
  const folder = await mkdtemp(join(tmpdir(), 'relais-chaos-'))
  const closers: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })]
  const close = async () => {
    for (const end of closers.splice(0).toReversed()) await end()
  }
  try {
    return await open()
  } catch (error) {
    await close()
    throw error
  }

  async function open() {
    const redis = await startRedisPair({ folder, withReplica: options.withReplica })
    closers.push(redis.close)
    const ports = await Promise.all(Array.from({ length: options.apis }, freePort))
    const toApis = await openLink(ports[0] ?? 0)
    closers.push(toApis.close)
    const secrets = newSecrets()
    const simulator = await createSimulator({
      ...SENDER,
      accessToken: secrets.accessToken,
      appSecret: secrets.appSecret,
      webhookUrl: `http://127.0.0.1:${toApis.port}/api/webhooks/whatsapp`,
      templates: [
        { name: 'otp_login', language: 'fr', messageSendTtlSeconds: 300 },
        { name: 'order_update', language: 'fr', category: 'UTILITY', body: 'Commande {{1}}' },
      ],
      pairLimit: false,
      throughputPerSecond: 0,
      seed: options.seed,
      // As Meta's webhooks are: some twice, some overtaken, some before the answer.
      duplicateProbability: 0.01,
      swapProbability: 0.05,
      earlyProbability: 0.01,
    })
    closers.push(simulator.close)
    const env = {
      QUEUE_PREFIX: 'chaos',
      WHATSAPP_PHONE_NUMBER_ID: SENDER.phoneNumberId,
      WHATSAPP_BUSINESS_ID: SENDER.businessId,
      WHATSAPP_APP_ID: SENDER.appId,
      WHATSAPP_APP_SECRET: secrets.appSecret,
      WHATSAPP_ACCESS_TOKEN: secrets.accessToken,
      WHATSAPP_API_BASE_URL: simulator.graphUrl,
      WHATSAPP_WEBHOOK_VERIFY_TOKEN: secrets.verifyToken,
      API_KEYS: `wallet:${secrets.apiKey}`,
      OPS_KEYS: `awa:${secrets.opsKey}`,
      ENCRYPTION_KEYS: `k1:${secrets.encryptionKey}`,
      SEND_RATE_PER_SECOND: String(SEND_RATE_PER_SECOND),
      DELIVER_WITHIN_SECONDS: String(options.deliverWithinSeconds),
      LOG_LEVEL: logs ? 'info' : 'warn',
      ...(options.withReplica && { REDIS_WAIT_REPLICAS: String(WAIT_REPLICAS) }),
    }
    const workers = await Promise.all(Array.from({ length: options.workers }, (_, i) => openWorker(i)))
    const apis = await Promise.all(ports.map((port, i) => openApi(i, port)))
    await Promise.all([...workers, ...apis].map(({ readyUrl }) => isReady(readyUrl)))

    return {
      redis,
      simulator,
      workers: workers.map(({ place }) => place),
      apis: apis.map(({ place }) => place),
      /** From Meta to one of the APIs that are up. */
      toApis,
      apiKey: secrets.apiKey,
      /** Says which APIs are up, as a load balancer finds out. */
      setUp,
      close,
    }

    async function openWorker(index: number) {
      const name = `worker ${index + 1}`
      const toRedis = await redis.link()
      const toMeta = await openLink(Number(new URL(simulator.graphUrl).port))
      closers.push(toMeta.close)
      const fallbackLog = join(folder, `fallback-${index + 1}.log`)
      const metricsPort = await freePort()
      const app = openApp(name, 'worker', nodeArgsWithout(options.without), {
        ...env,
        METRICS_PORT: String(metricsPort),
        REDIS_URL: `redis://127.0.0.1:${toRedis.port}`,
        WHATSAPP_API_BASE_URL: `http://127.0.0.1:${toMeta.port}`,
        FALLBACK_LOG: fallbackLog,
      })
      const place: WorkerPlace = { app, toRedis, toMeta, fallbackLog }
      return { place, readyUrl: `http://127.0.0.1:${metricsPort}/readyz` }
    }

    async function openApi(index: number, port: number) {
      const toRedis = await redis.link()
      const fromClient = await openLink(port)
      closers.push(fromClient.close)
      const app = openApp(`api ${index + 1}`, 'api', [], {
        ...env,
        PORT: String(port),
        METRICS_PORT: '0',
        REDIS_URL: `redis://127.0.0.1:${toRedis.port}`,
      })
      const place: ApiPlace = { app, toRedis, fromClient, isUp: true }
      return { place, readyUrl: `http://127.0.0.1:${port}/readyz` }
    }

    function openApp(
      name: string,
      script: 'api' | 'worker',
      nodeArgs: string[],
      settings: Record<string, string>,
    ): App {
      let ends = 0
      const app = createApp({
        name,
        script: join(ROOT, `apps/${script}/dist/main.js`),
        env: settings,
        nodeArgs,
        cwd: folder,
        onFault,
        onEnd(lines) {
          ends += 1
          const file = logs && join(logs, `${name.replace(' ', '-')}.${ends}.log`)
          if (file) void writeFile(file, lines.join('\n')).catch((error: Error) => onFault(error.message))
        },
      })
      closers.push(app.close)
      app.start()
      return app
    }

    function setUp(api: ApiPlace, isUp: boolean): void {
      api.isUp = isUp
      const index = apis.findIndex(({ place }) => place.isUp)
      const port = ports[Math.max(0, index)]
      if (port !== undefined) toApis.retarget(port)
    }
  }
}

async function isReady(url: string): Promise<void> {
  const signal = AbortSignal.timeout(60_000)
  for (;;) {
    const answer = await fetch(url, { signal }).catch((error: unknown) => {
      if (signal.aborted) throw error
      return undefined
    })
    if (answer?.ok) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

function newSecrets() {
  const random = () => randomBytes(18).toString('hex')
  return {
    apiKey: `key-${random()}`,
    opsKey: `ops-${random()}`,
    encryptionKey: randomBytes(32).toString('base64'),
    accessToken: `EAA${random()}`,
    appSecret: random(),
    verifyToken: `verify-${random()}`,
  }
}
