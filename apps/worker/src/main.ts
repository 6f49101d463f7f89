import { existsSync } from 'node:fs'
import { closeAll, createLogger, readSettings, SettingsError, untilAskedToStop } from '@relais/core'
import { workerSettings, type WorkerSettings } from './config.ts'
import { openFallbackSink, type FallbackSink } from './fallback-sink.ts'

/** The exit code for a faulty configuration (EX_CONFIG). */
const EXIT_CONFIG = 78
/** A send in flight gets its time, and its message the move that follows. */
const CLOSE_AFTER_SEND_MS = 2000

const settings = readEnvironment()
const sink = await openSink()
const logger = createLogger({
  name: 'worker',
  level: settings.logLevel,
  isPretty: settings.logPretty ?? process.stdout.isTTY,
})
const asked = untilAskedToStop()
// Loaded only now: a faulty environment is told at once.
const { openWorker } = await import('./open.ts')
const { probes, closers, startTokenChecks } = openWorker(settings, logger, sink)
try {
  if (settings.metricsPort > 0) await probes.listen(settings.metricsPort, settings.host)
} catch (error) {
  const { code, port } = error as { code?: string; port?: number }
  const why = code === 'EADDRINUSE' ? `Port ${port} is in use` : `Cannot listen on ${settings.host} (${code})`
  process.stderr.write(`${why}: set METRICS_PORT to another port, or to 0 to turn it off.\n`)
  process.exit(1)
}
logger.info({ event: 'worker.started', concurrency: settings.workerConcurrency }, 'started')
startTokenChecks().catch((error: unknown) => {
  logger.error({ event: 'token.checks_not_started', err: error }, 'token checks did not start')
})

const signal = await asked
logger.info({ event: 'worker.stopping', signal }, 'stopping')
const left = await closeAll(closers, settings.sendTimeoutMs + CLOSE_AFTER_SEND_MS)
if (left.length > 0) logger.warn({ event: 'worker.left_open', left }, 'not everything closed in time')
process.exit(left.length > 0 ? 1 : 0)

function readEnvironment(): WorkerSettings {
  if (existsSync('.env')) process.loadEnvFile('.env')
  try {
    return readSettings(process.env, workerSettings)
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    process.stderr.write(`${error.lines.join('\n')}\n`)
    process.exit(EXIT_CONFIG)
  }
}

async function openSink(): Promise<FallbackSink> {
  try {
    return await openFallbackSink(settings.fallbackLog)
  } catch (error) {
    const { code } = error as { code?: string }
    process.stderr.write(`FALLBACK_LOG cannot be written to (${code}). Example: FALLBACK_LOG=stdout\n`)
    process.exit(EXIT_CONFIG)
  }
}
