import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { whenReady } from './redis-ready.ts'
import { startRedis } from './redis.ts'
import type { RedisServer } from './redis-server.ts'

const scriptNamed = (name: string) => fileURLToPath(new URL(`../../../scripts/${name}.mjs`, import.meta.url))

let redis: RedisServer | undefined

/** Starts the shared Redis before the first test file. The processes of the tests inherit the environment. */
export async function setup(): Promise<void> {
  await nameWhatIsThere()
  if (process.env['REDIS_URL']) return whenReady(process.env['REDIS_URL'], 5000)
  redis = await startRedis()
  process.env['RELAIS_TEST_REDIS_URL'] = redis.url
}

/** Ends it after the last one. */
export async function teardown(): Promise<void> {
  await redis?.stop()
}

/** `npm test` has already looked for a server and a browser; an editor that runs vitest by itself has not. */
async function nameWhatIsThere(): Promise<void> {
  if (process.env['RELAIS_REDIS_SERVER'] || process.env['RELAIS_TEST_REDIS']) return
  for (const name of ['redis', 'browser']) {
    const { stdout } = await promisify(execFile)(process.execPath, [scriptNamed(name)])
    Object.assign(process.env, JSON.parse(stdout))
  }
}
