/** The operators' scripts, run as an operator runs them, against the whole. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually, freePort, startRedis, uniquePrefix } from '@relais/testing'
import { Redis } from 'ioredis'
import { beforeAll, describe, it } from 'vitest'
import { startSystem, type System } from './system.ts'

const STATUS = 'scripts/whatsapp-status.sh'
const CHECK = 'scripts/test-auto-token.js'
const SETUP = 'scripts/get-whatsapp-tokens.sh'

type Row = { name: string; result: string; what: string; nextStep?: string }

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relais-cli-'))
  await writeFile(join(folder, 'empty.env'), '')
})

/** Starts a script with this environment and nothing of this machine's `.env`. */
function start(script: string, args: string[], env: Record<string, string>) {
  const isTool = script.endsWith('/relais')
  const file = ['--file', join(folder, 'empty.env')]
  const child = spawn(script, isTool ? [...args, ...file] : [...file, ...args], {
    env: { PATH: process.env['PATH'], RELAIS_DATA_DIR: folder, ...env },
    timeout: 60_000,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const ended = once(child, 'close').then(([code]) => code as number | null)
  return { pid: child.pid ?? 0, stdin: child.stdin, ended, output: () => output }
}

async function run(script: string, args: string[], env: Record<string, string>, input = '') {
  const child = start(script, args, env)
  child.stdin.end(input)
  return { code: await child.ended, output: child.output() }
}

/** The same by its name, as `npx relais`. */
const relais = (args: string[], env: Record<string, string>, input = '') =>
  run('node_modules/.bin/relais', args, env, input)

async function check(env: Record<string, string>, ...args: string[]) {
  const { code, output } = await run(CHECK, ['--json', ...args], env)
  const { checks } = JSON.parse(output) as { checks: Row[] }
  return { code, checks, output, row: (name: string) => checks.find((each) => each.name === name) }
}

/** The secrets of the system that stand in an output; those of other kinds have no business there either. */
function secretsIn({ secrets }: System, output: string): string[] {
  return Object.values(secrets).filter((secret) => output.includes(secret))
}

describe('on a running system', () => {
  const closers: (() => Promise<void>)[] = []
  let system: System
  let redis: Redis
  beforeAll(async () => {
    const server = await startRedis({ persistent: true })
    redis = new Redis(server.url)
    const template = { name: 'otp_login', language: 'fr', messageSendTtlSeconds: 300 }
    system = await startSystem(
      { onTestFinished: (close) => void closers.push(close) },
      { redisUrl: server.url, simulator: { templates: [template] } },
    )
    await system.reaches(await system.send('+221771234500', '1111'), ['delivered'])
    return async () => {
      for (const close of closers.toReversed()) await close()
      redis.disconnect()
      await server.stop()
    }
  })

  it('the status is 0 while codes go out over WhatsApp, and fits one screen', async ({ expect }) => {
    const { code, output } = await run(STATUS, [], system.env)
    expect(output).toMatch(/CONNECTED[\s\S]*fingerprint [0-9a-f]{8}[\s\S]*15550783881/)
    expect(output.split('\n').length).toBeLessThan(24)
    expect(code).toBe(0)
    expect(output).not.toContain('\u001b')
    expect(secretsIn(system, output)).toEqual([])
  })

  it('the status is 3 with what to do when the API does not answer', async ({ expect }) => {
    const env = { ...system.env, RELAIS_URL: `http://127.0.0.1:${await freePort()}` }
    const { code, output } = await run(STATUS, [], env)
    expect(output).toMatch(/does not answer[\s\S]*ECONNREFUSED[\s\S]*Next step[\s\S]*RELAIS_URL/)
    expect(code).toBe(3)
  })

  it('the diagnosis finds nothing wrong, and exchanges the token when asked to', async ({ expect }) => {
    const { code, output, row, checks } = await check(system.env, '--exchange')
    expect(checks.filter(({ result }) => result !== 'ok')).toEqual([])
    expect(row('exchange')?.what).toContain('version 2')
    expect(row('token')?.what).toContain('version 2')
    expect(code).toBe(0)
    expect(secretsIn(system, output)).toEqual([])
  })

  it('the tokens are listed, renewed and brought by the tool; what is typed shows nowhere', async ({
    expect,
  }) => {
    const { simulator, env } = system
    const before = await relais(['tokens', '--json'], env)
    expect(before.code).toBe(0)
    const { inUse } = JSON.parse(before.output) as { inUse: number }
    const renewed = await relais(['tokens', 'renew'], env)
    expect(renewed).toMatchObject({
      code: 0,
      output: expect.stringContaining(`version ${inUse + 1}`) as string,
    })
    const accessToken = simulator.issueToken()
    const brought = await relais(['tokens', 'update', '--json'], env, `${accessToken}\n`)
    expect([brought.code, brought.output]).toEqual([
      0,
      expect.stringContaining(`"version": ${inUse + 2}`) as string,
    ])
    const refused = await relais(['tokens', 'update'], env, 'EAAgarbage\n')
    expect(refused).toMatchObject({ code: 1, output: expect.stringContaining('was not stored') as string })
    const { code, output } = await relais(['tokens'], env)
    expect(output).toMatch(
      new RegExp(`^\\* {2}version ${inUse + 2} .*manual.*\\n {3}version ${inUse + 1} .*renewed`),
    )
    expect(output).toMatch(/\nnext renewal: 2\d{3}-/)
    expect(code).toBe(0)
    const all = [before, renewed, brought, refused].map((each) => each.output).join('') + output
    expect([...secretsIn(system, all), all.includes(accessToken), all.includes('EAAgarbage')]).toEqual([
      false,
      false,
    ])
  })

  it('the messages are paused and resumed by the tool, and wait meanwhile', async ({ expect }) => {
    const { env, send, reaches, message } = system
    const paused = await relais(['queues', 'pause', 'messages', '--why', 'a test'], env)
    expect(paused).toMatchObject({ code: 0, output: expect.stringMatching(/^messages +PAUSED/) as string })
    const id = await send('+221771234501', '2222')
    const seen = await eventually(
      () => relais(['queues', '--json'], env),
      ({ output }) => (JSON.parse(output) as { queues: { waiting: number }[] }).queues[0]?.waiting === 1,
      { what: 'the message that waits' },
    )
    expect(seen.code).toBe(1)
    expect((await message(id)).status).toBe('queued')
    const fallback = await relais(['queues', 'pause', 'fallback', '--why', 'a test'], env)
    expect(fallback).toMatchObject({
      code: 1,
      output: expect.stringContaining('Only messages may be') as string,
    })
    expect((await relais(['queues', 'resume', 'messages'], env)).code).toBe(0)
    await reaches(id, ['delivered'])
    expect((await relais(['queues'], env)).code).toBe(0)
    const { output } = await relais(['audit', 'list', '--most', '2'], env)
    expect(output).toMatch(
      /queue\.resumed .*operator:awa {2}messages\n.*queue\.paused .*messages {2}why=a test\n$/,
    )
  })

  it('the diagnosis names the faults it finds, each with the next step', async ({ expect }) => {
    await redis.config('SET', 'maxmemory-policy', 'allkeys-lru')
    await redis.config('SET', 'appendonly', 'no')
    const accessToken = system.simulator.issueToken({ scopes: ['whatsapp_business_management'] })
    const { code, checks, output } = await check({
      ...system.env,
      QUEUE_PREFIX: uniquePrefix(),
      WHATSAPP_ACCESS_TOKEN: accessToken,
      WHATSAPP_TEMPLATE_LANGUAGE: 'en_US',
    })
    const failed = checks.filter(({ result }) => result === 'fail')
    const names = failed.map(({ name }) => name)
    expect(names).toEqual(['redis eviction', 'redis persistence', 'token permissions', 'template'])
    for (const { nextStep } of failed) expect(nextStep).toMatch(/.{20}/)
    expect(code).toBe(2)
    expect([...secretsIn(system, output), output.includes(accessToken)]).toEqual([false])
  })

  it('the guide checks each value, trades a short-lived token and writes .env for its owner only', async ({
    expect,
  }) => {
    const { env, secrets, simulator } = system
    const file = join(folder, '.env')
    await writeFile(file, '# kept\nPORT=4242\n# WHATSAPP_APP_ID=\nWHATSAPP_ACCESS_TOKEN=old\n', {
      mode: 0o644,
    })
    const short = simulator.issueToken({ lifeSeconds: 3600 })
    const guide = start(SETUP, ['--file', file], { WHATSAPP_API_BASE_URL: simulator.graphUrl })
    const {
      WHATSAPP_APP_ID: appId,
      WHATSAPP_PHONE_NUMBER_ID: phoneId,
      WHATSAPP_BUSINESS_ID: businessId,
    } = env
    guide.stdin.write(`${[appId, 'not-the-secret', '', secrets.appSecret].join('\n')}\n`)
    guide.stdin.write(`${[phoneId, businessId, 'EAAgarbage', short].join('\n')}\n`)
    await eventually(guide.output, (text) => text.includes('Exchange it'), {
      timeoutMs: 30_000,
      what: 'the offer',
    })
    const cmdline = await readFile(`/proc/${guide.pid}/cmdline`, 'utf8')
    guide.stdin.end('y\ny\n')
    expect(await guide.ended, guide.output()).toBe(0)

    const written = await readFile(file, 'utf8')
    const stored = /^WHATSAPP_ACCESS_TOKEN=(.+)$/m.exec(written)?.[1] ?? ''
    expect(written.split('\n')).toEqual([
      '# kept',
      'PORT=4242',
      `WHATSAPP_APP_ID=${appId}`,
      `WHATSAPP_ACCESS_TOKEN=${stored}`,
      `WHATSAPP_PHONE_NUMBER_ID=${phoneId}`,
      `WHATSAPP_APP_SECRET=${secrets.appSecret}`,
      `WHATSAPP_BUSINESS_ID=${businessId}`,
      '',
    ])
    expect([short, 'old', '']).not.toContain(stored)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(cmdline).toContain('apps/cli/dist/main.js')
    for (const secret of [short, stored, secrets.appSecret, 'EAAgarbage', 'not-the-secret'])
      expect(`${guide.output()}${cmdline}`).not.toContain(secret)
  })

  it('the guide writes nothing when its answers end early', async ({ expect }) => {
    const file = join(folder, 'unwritten.env')
    const { code, output } = await run(SETUP, ['--file', file], { LANG: 'fr_SN.UTF-8' }, '138483919580948\n')
    expect(output).toContain('Rien n’a été écrit')
    expect(code).toBe(1)
    await expect(stat(file)).rejects.toThrow('ENOENT')
  })

  it('the status is 2 once Meta refuses the token', async ({ expect }) => {
    system.revokeTokens()
    const { code, output } = await run(STATUS, [], system.env)
    expect(output).toMatch(/FALLBACK[\s\S]*The access token is dead[\s\S]*Next step/)
    expect(code).toBe(2)
  })
})

it('a command line that makes no sense is 64, and quotes nothing of it', async ({ expect }) => {
  for (const script of [STATUS, CHECK, SETUP]) {
    const { code, output } = await run(script, ['EAAsecret'], {})
    expect(output).toMatch(/usage: /)
    expect(output).not.toContain('EAAsecret')
    expect(code).toBe(64)
  }
})
