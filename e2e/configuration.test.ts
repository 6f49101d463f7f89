/** What a faulty environment leads to, seen from outside: exit 78, a line for each fault, nothing listening. */
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { apiSettings } from '@relais/api'
import { exampleEnvironment } from '@relais/core'
import { freePort, startNode, startRedis } from '@relais/testing'
import { workerSettings } from '@relais/worker'
import { describe, it } from 'vitest'

const key = Buffer.alloc(32, 7).toString('base64')
const COMMON = { REDIS_URL: 'redis://127.0.0.1:1', ENCRYPTION_KEYS: `k1:${key}`, METRICS_PORT: '0' }
const API = { ...COMMON, PORT: '0', API_KEYS: 'wallet:a-good-api-key', OPS_KEYS: 'awa:a-good-ops-key' }
const MAIN = { api: 'apps/api/dist/main.js', worker: 'apps/worker/dist/main.js' }

async function run(app: keyof typeof MAIN, env: Record<string, string>) {
  const child = startNode(MAIN[app], env)
  const { code } = await child.exited
  return { code, lines: child.lines() }
}

describe.concurrent('a faulty setting stops the process before it listens', { timeout: 60_000 }, () => {
  it('many at once, one line each', async ({ expect }) => {
    const { code, lines } = await run('api', { PORT: 'http', API_KEYS: 'wallet', LOG_LEVEL: 'loud' })
    expect(code).toBe(78)
    expect(lines.map((line) => line.split(' ')[0])).toEqual([
      'PORT',
      'API_KEYS',
      'OPS_KEYS',
      'REDIS_URL',
      'ENCRYPTION_KEYS',
      'LOG_LEVEL',
    ])
    for (const line of lines) expect(line).toMatch(/^(\w+) .*\. .*Example: \1=\S+$/)
  })

  it('the worker as well', async ({ expect }) => {
    const { code, lines } = await run('worker', {
      ...COMMON,
      SEND_RATE_PER_SECOND: 'fast',
      ENCRYPTION_KEYS: 'x',
    })
    expect(code).toBe(78)
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['ENCRYPTION_KEYS', 'SEND_RATE_PER_SECOND'])
  })

  it.for(['api', 'worker'] as const)(
    'a secret whose file is not there, or is set twice: %s',
    async (app, t) => {
      const { code, lines } = await run(app, {
        ...API,
        ENCRYPTION_KEYS: '',
        ENCRYPTION_KEYS_FILE: '/no/such/file',
        WHATSAPP_APP_SECRET: 'EAAsecret',
        WHATSAPP_APP_SECRET_FILE: '/etc/hostname',
      })
      t.expect(code).toBe(78)
      t.expect(lines).toEqual([
        t.expect.stringMatching(
          /^ENCRYPTION_KEYS_FILE names a file that is not there\. .*Example: ENCRYPTION_KEYS_FILE=/,
        ),
        t.expect.stringMatching(/^WHATSAPP_APP_SECRET_FILE is set, and WHATSAPP_APP_SECRET too/),
      ])
      t.expect(lines.join()).not.toContain('EAAsecret')
    },
  )

  it('a fallback log that cannot be written', async ({ expect }) => {
    const { code, lines } = await run('worker', { ...COMMON, FALLBACK_LOG: '/nowhere/fallback.log' })
    expect(code).toBe(78)
    expect(lines).toEqual([expect.stringMatching(/^FALLBACK_LOG cannot be written to/)])
  })

  it('alerts that would be posted unsigned, or to nowhere, and nothing of what was set is repeated', async ({
    expect,
  }) => {
    const url = 'https://hooks.example/a-secret-path'
    const unsigned = await run('api', { ...API, ALERT_WEBHOOK_URL: url })
    expect(unsigned.code).toBe(78)
    expect(unsigned.lines).toEqual([
      expect.stringMatching(
        /^ALERT_WEBHOOK_URL is set, and ALERT_WEBHOOK_SECRET .*Example: ALERT_WEBHOOK_SECRET=/,
      ),
    ])
    const env = { ALERT_WEBHOOK_URL: 'hooks.example/a-secret-path', ALERT_WEBHOOK_SECRET: 'whsec_c2hvcnQ=' }
    const faulty = await run('api', { ...API, ...env })
    expect(faulty.code).toBe(78)
    expect(faulty.lines.map((line) => line.split(' ')[0])).toEqual(Object.keys(env))
    expect([...unsigned.lines, ...faulty.lines].join()).not.toMatch(/a-secret-path|c2hvcnQ/)
  })

  it('a public key with a slip in it, before any code is sealed to nobody', async ({ expect }) => {
    const slip = 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8q'
    const env = { ...COMMON, FALLBACK_CODES: 'sealed', FALLBACK_PUBLIC_KEY: slip, LOG_LEVEL: 'fatal' }
    const { code, lines } = await run('worker', env)
    expect(code).toBe(78)
    expect(lines).toEqual([expect.stringMatching(/^FALLBACK_PUBLIC_KEY has a fault in entry 1: .*Example: /)])
  })
})

describe.concurrent('a Redis that would lose messages', { timeout: 60_000 }, () => {
  it.for(['api', 'worker'] as const)(
    'stops the %s, with what to do',
    async (app, { expect, onTestFinished }) => {
      const redis = await startRedis({ args: ['--maxmemory-policy', 'volatile-lru'] })
      onTestFinished(() => redis.stop())
      const { code, lines } = await run(app, { ...API, REDIS_URL: redis.url, LOG_LEVEL: 'fatal' })
      expect(code).toBe(78)
      expect(lines).toEqual([expect.stringMatching(/^REDIS_URL .*volatile-lru.*noeviction/)])
    },
  )

  it('is told of, with its version, when it only forgets at a restart', async ({
    expect,
    onTestFinished,
  }) => {
    const redis = await startRedis()
    onTestFinished(() => redis.stop())
    const child = startNode(MAIN.api, { ...API, REDIS_URL: redis.url })
    onTestFinished(() => child.kill())
    const line = await child.waitForLine((each) => each.includes('redis.not_durable'), 30_000)
    expect(JSON.parse(line)).toMatchObject({ version: expect.any(String), evictionPolicy: 'noeviction' })
  })
})

describe.concurrent('a port in use', { timeout: 60_000 }, () => {
  it.for(['PORT', 'METRICS_PORT'])('is one line that names port and setting: %s', async (name, t) => {
    const port = await freePort()
    const squatter = createServer().listen(port, '127.0.0.1')
    t.onTestFinished(() => void squatter.close())
    const { code, lines } = await run('api', { ...API, LOG_LEVEL: 'fatal', [name]: String(port) })
    t.expect(code).toBe(1)
    t.expect(lines).toEqual([`Port ${port} is in use: end what uses it, or set ${name} to another port.`])
  })
})

describe('the settings', () => {
  it('are read from a .env file as well, and the environment wins', async ({ expect }) => {
    const folder = await mkdtemp(join(tmpdir(), 'relais-'))
    await writeFile(join(folder, '.env'), 'MAX_ATTEMPTS=many\nLOG_LEVEL=loud\n')
    const child = startNode(resolve(MAIN.api), { ...API, LOG_LEVEL: 'info' }, { cwd: folder })
    expect((await child.exited).code).toBe(78)
    expect(child.lines().map((line) => line.split(' ')[0])).toEqual(['MAX_ATTEMPTS'])
  })

  it('all stand in .env.example, as the schemas have them', async ({ expect }) => {
    expect(await readFile('.env.example', 'utf8')).toBe(exampleEnvironment(Object.values(apiSettings)))
    expect(Object.keys(apiSettings)).toEqual(expect.arrayContaining(Object.keys(workerSettings)))
  })
})
