import { join, relative } from 'node:path'
import { whenAnswers } from './answers.mjs'
import { Failure } from './failure.mjs'
import { createFamily, deathLine } from './family.mjs'
import { loadKeys } from './keys.mjs'
import { startOwnRedis } from './own-redis.mjs'
import { freePort, readPorts, requireFreePorts } from './ports.mjs'
import { claimRedisFolder } from './redis-claim.mjs'
import { findRedisServer, noRedis } from './redis.mjs'
import { root } from './root.mjs'
import { childSettings, hasOwnRedisSettings, isSet, isSimulated, loadEnvFile, origin } from './settings.mjs'
import { setUp } from './setup.mjs'
import { watchStopSignals } from './stop-signals.mjs'
import { stopTools } from './tool.mjs'
import { shownRedis, welcomeText } from './welcome.mjs'

const readyWithinMs = 30_000
/** Keys and Redis files; tests of this script take a folder of their own. */
const dataFolder = process.env.RELAIS_DATA_DIR || join(root, '.data')
const redisFolder = join(dataFolder, 'redis')

/**
 * Starts Redis, the simulator, the API and the worker, and stays until a signal or the death of one of them.
 * @returns the exit code: 0 after a signal.
 */
export async function start(_args, ignoreSignals) {
  loadEnvFile(root)
  const env = process.env
  const ports = readPorts(env, { isSimulated: isSimulated(env) }) // a fault here needs no installation first
  await setUp()

  ignoreSignals()
  const family = createFamily()
  const signals = watchStopSignals({
    onFirst: () => stopTools('SIGTERM'),
    onSecond: () => {
      family.kill()
      process.exit(130)
    },
  })
  const claim = hasOwnRedisSettings(env) ? undefined : await claimRedisFolder(redisFolder)
  try {
    const ready = bringUp({ env, ports, claim, family })
    const running = ready.then(() => new Promise(() => {})) // being ready is not an end
    const end = await Promise.race([signals.first, family.firstDeath, running])
    if (end === 'stop') return 0
    console.error(`relais: ${deathLine(end)}`)
    return end.code || 1
  } finally {
    await family.stop()
    await claim?.release()
    signals.release()
  }
}

async function bringUp({ env, ports: configured, claim, family }) {
  const ports = await choosePorts(configured, env)
  const keys = await loadKeys(join(dataFolder, 'keys.json'))
  const redisUrl = claim && (await bringUpRedis(claim, family))
  const settings = childSettings({ env, keys, ports, redisUrl, isTerminal: Boolean(process.stdout.isTTY) })

  const simulator = `${origin(env.SIMULATOR_HOST, ports.SIMULATOR_PORT)}/`
  if (settings.simulator) {
    warnOfHalfCredentials(env)
    family.startApp('simulator', join(root, 'packages/simulator/dist/main.js'), settings.simulator)
    await whenAnswers({ name: 'the simulator', url: simulator, withinMs: readyWithinMs, accept: () => true })
  }
  family.startApp('api', join(root, 'apps/api/dist/main.js'), settings.api)
  family.startApp('worker', join(root, 'apps/worker/dist/main.js'), settings.worker)

  const api = origin(env.HOST, ports.PORT)
  await Promise.all([
    whenAnswers({ name: 'the api', url: `${api}/readyz`, withinMs: readyWithinMs }),
    ports.workerMetrics !== 0 &&
      whenAnswers({
        name: 'the worker',
        url: `${origin(env.HOST, ports.workerMetrics)}/readyz`,
        withinMs: readyWithinMs,
      }),
  ])
  const redis = redisUrl ? `${redisUrl}   (files in ${relative(root, redisFolder)})` : shownRedis(env)
  console.log(welcomeText({ api, redis, keys, env, phones: settings.simulator && simulator }))
}

async function bringUpRedis(claim, family) {
  const server = await findRedisServer({ onProgress: (line) => console.log(line) })
  if (!server) throw new Failure(noRedis)
  return startOwnRedis({ server, folder: redisFolder, claim, adopt: family.adoptRedis })
}

/** All are looked at before anything starts; 0 becomes a free one, except where it means "off". */
async function choosePorts({ apiMetrics, workerMetrics, ...ports }, env) {
  const host = env.HOST || '127.0.0.1'
  const simulatorHost = env.SIMULATOR_HOST || '127.0.0.1'
  const rows = Object.entries(ports).map(([setting, port]) => ({
    setting,
    port,
    host: setting === 'PORT' ? host : simulatorHost,
  }))
  const metrics = [apiMetrics, workerMetrics].map((port) => ({ setting: 'METRICS_PORT', port, host }))
  await requireFreePorts([...rows, ...metrics])
  for (const { setting, port } of rows) if (port === 0) ports[setting] = await freePort()
  return { ...ports, apiMetrics, workerMetrics }
}

function warnOfHalfCredentials(env) {
  const names = ['WHATSAPP_PHONE_NUMBER_ID', 'WHATSAPP_ACCESS_TOKEN']
  const missing = names.filter((name) => !isSet(env, name))
  if (missing.length === 1) console.log(`${missing[0]} is not set, so WhatsApp is simulated.`)
}
