import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { whenReady } from './redis-ready.ts'
import { startRedis } from './redis.ts'
import type { RedisServer } from './redis-server.ts'

const scripts = fileURLToPath(new URL('../../../scripts/', import.meta.url))

let redis: RedisServer | undefined

/** Starts the shared Redis before the first test file. The processes of the tests inherit the environment. */
export async function setup(): Promise<void> {
  await Promise.all([nameServer(), nameBrowser(), namePrometheus()])
  if (process.env['REDIS_URL']) return whenReady(process.env['REDIS_URL'], 5000)
  redis = await startRedis()
  process.env['RELAIS_TEST_REDIS_URL'] = redis.url
}

/** Ends it after the last one. */
export async function teardown(): Promise<void> {
  await redis?.stop()
}

/** `npm test` has already looked for all of it; an editor that runs vitest by itself has not. */
async function nameServer(): Promise<void> {
  if (process.env['RELAIS_REDIS_SERVER'] || process.env['RELAIS_TEST_REDIS']) return
  await take('redis.mjs')
}

async function nameBrowser(): Promise<void> {
  if (process.env['RELAIS_BROWSER'] === undefined) await take('browser.mjs')
}

/** Empty names: it was looked for, and tests that need it are skipped. */
async function namePrometheus(): Promise<void> {
  if (process.env['RELAIS_PROMETHEUS'] === undefined) await take('prometheus.mjs')
}

async function take(script: string): Promise<void> {
  const { stdout } = await promisify(execFile)(process.execPath, [scripts + script])
  Object.assign(process.env, JSON.parse(stdout))
}
