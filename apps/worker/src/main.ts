import { existsSync } from 'node:fs'
import {
  closeAll,
  createLogger,
  exitOnFaultySettings,
  fallbackMode,
  openTracing,
  readSettings,
  requireSense,
  STOP_WITHIN_MS,
  untilAskedToStop,
  watchFatalErrors,
} from '@relais/core'
import { workerSettings, type WorkerSettings } from './config.ts'
import { openFallbackSink } from './fallback-sink.ts'

const failed = watchFatalErrors('worker')
const settings = readEnvironment()
const sink = await openFallbackSink(settings.fallbackLog).catch(exitOnFaultySettings)
const logger = createLogger({
  name: 'worker',
  level: settings.logLevel,
  isPretty: settings.logPretty ?? process.stdout.isTTY,
})
const asked = untilAskedToStop()
const tracing = await openTracing(settings.tracing, { service: 'relais-worker', logger })
// Loaded only now: a faulty environment is told at once.
const { openWorker } = await import('./open.ts')
const { probes, closers } = await openWorker(settings, logger, sink, tracing).catch(exitOnFaultySettings)
try {
  if (settings.metricsPort > 0) await probes.listen(settings.metricsPort, settings.host)
} catch (error) {
  const { code, port } = error as { code?: string; port?: number }
  const why = code === 'EADDRINUSE' ? `Port ${port} is in use` : `Cannot listen on ${settings.host} (${code})`
  process.stderr.write(`${why}: set METRICS_PORT to another port, or to 0 to turn it off.\n`)
  process.exit(1)
}
const fallback = fallbackMode(settings)
if (fallback.sealedTo === 'relais') {
  const facts = { event: 'fallback.sealed_locally' }
  logger.warn(facts, 'codes in fallback records are sealed under ENCRYPTION_KEYS: Relais can read them too')
}
logger.info({ event: 'worker.started', concurrency: settings.workerConcurrency, fallback }, 'started')

const cause = await Promise.race([asked, failed])
logger.info({ event: 'worker.stopping', cause }, 'stopping')
const left = await closeAll(closers, STOP_WITHIN_MS)
if (left.length > 0) logger.warn({ event: 'worker.left_open', left }, 'not everything closed in time')
process.exit(left.length > 0 || cause === 'unhandledRejection' ? 1 : 0)

function readEnvironment(): WorkerSettings {
  try {
    if (existsSync('.env')) process.loadEnvFile('.env')
    const read = readSettings(process.env, workerSettings)
    requireSense(read)
    return read
  } catch (error) {
    return exitOnFaultySettings(error)
  }
}
