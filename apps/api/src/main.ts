import { existsSync } from 'node:fs'
import { closeAll, createLogger, readSettings, SettingsError, untilAskedToStop } from '@relais/core'
import { apiSettings, type ApiSettings } from './config.ts'

/** The exit code for a faulty configuration (EX_CONFIG). */
const EXIT_CONFIG = 78
const CLOSE_WITHIN_MS = 4000

const settings = readEnvironment()
const logger = createLogger({
  name: 'api',
  level: settings.logLevel,
  isPretty: settings.logPretty ?? process.stdout.isTTY,
})
const asked = untilAskedToStop()
// Loaded only now: a faulty environment is told at once.
const { openApi } = await import('./open.ts')
const { app, probes, closers } = await openApi(settings, logger, '0.1.0')
try {
  if (settings.metricsPort > 0) await probes.listen(settings.metricsPort, settings.host)
  const address = await app.listen({ port: settings.port, host: settings.host })
  logger.info({ event: 'api.listening', address }, 'listening')
} catch (error) {
  process.stderr.write(`${whyNotListening(error)}\n`)
  process.exit(1)
}

const signal = await asked
logger.info({ event: 'api.stopping', signal }, 'stopping')
const left = await closeAll(closers, CLOSE_WITHIN_MS)
if (left.length > 0) logger.warn({ event: 'api.left_open', left }, 'not everything closed in time')
process.exit(left.length > 0 ? 1 : 0)

function readEnvironment(): ApiSettings {
  if (existsSync('.env')) process.loadEnvFile('.env')
  try {
    return readSettings(process.env, apiSettings)
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    process.stderr.write(`${error.lines.join('\n')}\n`)
    process.exit(EXIT_CONFIG)
  }
}

function whyNotListening(error: unknown): string {
  const { code, port } = error as { code?: string; port?: number }
  const setting = port === settings.metricsPort ? 'METRICS_PORT' : 'PORT'
  if (code === 'EADDRINUSE')
    return `Port ${port} is in use: end what uses it, or set ${setting} to another port.`
  return `Cannot listen on ${settings.host} (${code ?? 'unknown fault'}): check HOST and ${setting}.`
}
