import { existsSync } from 'node:fs'
import {
  closeAll,
  createLogger,
  exitOnFaultySettings,
  openTracing,
  readSettings,
  requireSense,
  STOP_WITHIN_MS,
  untilAskedToStop,
  VERSION,
  watchFatalErrors,
} from '@relais/core'
import { requireAlertSecret } from './alert-settings.ts'
import { apiSettings, requireDistinctKeys, type ApiSettings } from './config.ts'

const failed = watchFatalErrors('api')
const settings = readEnvironment()
const logger = createLogger({
  name: 'api',
  level: settings.logLevel,
  isPretty: settings.logPretty ?? process.stdout.isTTY,
})
for (const { name } of [...settings.apiKeys, ...settings.opsKeys].filter(({ isShort }) => isShort)) {
  logger.warn({ event: 'api.short_key', caller: name }, 'this key is short enough to be guessed')
}
const asked = untilAskedToStop()
const tracing = await openTracing(settings.tracing, { service: 'relais-api', logger })
// Loaded only now: a faulty environment is told at once.
const { openApi } = await import('./open.ts')
const { app, probes, closers } = await openApi(settings, logger, VERSION, { tracing }).catch(
  exitOnFaultySettings,
)
try {
  if (settings.metricsPort > 0) await probes.listen(settings.metricsPort, settings.host)
  const address = await app.listen({ port: settings.port, host: settings.host })
  logger.info({ event: 'api.listening', address }, 'listening')
} catch (error) {
  process.stderr.write(`${whyNotListening(error)}\n`)
  process.exit(1)
}

const cause = await Promise.race([asked, failed])
logger.info({ event: 'api.stopping', cause }, 'stopping')
const left = await closeAll(closers, STOP_WITHIN_MS)
if (left.length > 0) logger.warn({ event: 'api.left_open', left }, 'not everything closed in time')
process.exit(left.length > 0 || cause === 'unhandledRejection' ? 1 : 0)

function readEnvironment(): ApiSettings {
  try {
    if (existsSync('.env')) process.loadEnvFile('.env')
    const read = readSettings(process.env, apiSettings)
    requireDistinctKeys(read)
    requireAlertSecret(read)
    requireSense(read)
    return read
  } catch (error) {
    return exitOnFaultySettings(error)
  }
}

function whyNotListening(error: unknown): string {
  const { code, port } = error as { code?: string; port?: number }
  const setting = port === settings.metricsPort ? 'METRICS_PORT' : 'PORT'
  if (code === 'EADDRINUSE') {
    return `Port ${port} is in use: end what uses it, or set ${setting} to another port.`
  }
  return `Cannot listen on ${settings.host} (${code ?? 'unknown fault'}): check HOST and ${setting}.`
}
