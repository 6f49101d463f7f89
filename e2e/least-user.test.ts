/** All of Relais as the least user of Redis (`deploy/redis/users.acl`): whatever it does, Redis must have had nothing to refuse. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { eventually, freePort, startReceiver, startRedis } from '@relais/testing'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { recipients, startSystem, type System } from './system.ts'

const PASSWORD = 'a-password-of-the-test'
const ADMIN = 'an-admin-of-the-test'

const closers: (() => Promise<unknown> | void)[] = []
let system: System
let emptyFile = ''
/** May do anything. */
let admin: Redis
/** As Relais itself. */
let relais: Redis
/** Nobody: a connection without a login. */
let nobody: Redis

let folder = ''
let users = ''
const metricsPorts = [await freePort(), await freePort()] as const

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relais-acl-'))
  closers.push(() => rm(folder, { recursive: true }))
  emptyFile = join(folder, 'empty.env')
  await writeFile(emptyFile, '')
  const sha256 = createHash('sha256').update(PASSWORD).digest('hex')
  const template = await readFile('deploy/redis/users.acl', 'utf8')
  users = join(folder, 'users.acl')
  await writeFile(
    users,
    `${template.replace('PASSWORD_SHA256', sha256)}user admin on >${ADMIN} ~* &* +@all\n`,
  )
  const server = await startRedis({ persistent: true, args: ['--aclfile', users] })
  closers.push(() => server.stop())
  const open = (login: object) => {
    const redis = new Redis({ port: server.port, ...login, enableReadyCheck: false, disableClientInfo: true })
    closers.push(() => redis.disconnect())
    return redis
  }
  admin = open({ username: 'admin', password: ADMIN })
  relais = open({ username: 'relais', password: PASSWORD })
  nobody = open({})

  await writeFile(join(folder, 'password'), `${PASSWORD}\n`)
  system = await startSystem(
    { onTestFinished: (close) => void closers.push(close) },
    {
      redisUrl: server.url,
      env: {
        METRICS_PORT: String(metricsPorts[0]),
        QUEUE_PREFIX: 'relais',
        CALLBACK_ALLOW_PRIVATE: 'on',
        REDIS_USERNAME: 'relais',
        REDIS_PASSWORD_FILE: join(folder, 'password'),
        RECIPIENT_MAX_PER_HOUR: '50',
        PREFIX_MAX_PER_HOUR: '1000',
        APP_MAX_PER_DAY: '10000',
        SEND_RATE_PER_SECOND: '80',
      },
      workerEnv: { METRICS_PORT: String(metricsPorts[1]) },
      simulator: { templates: [{ name: 'otp_login', language: 'fr', messageSendTtlSeconds: 300 }] },
    },
  )
})
afterAll(async () => {
  for (const close of closers.toReversed()) await close()
})

/** What Redis refused to the user of Relais since the last look. */
async function refused(by = admin): Promise<string[]> {
  const log = (await by.call('ACL', 'LOG', '1000')) as string[][]
  await by.call('ACL', 'LOG', 'RESET')
  const rows = log.map((entry) => (name: string) => entry[entry.indexOf(name) + 1])
  return rows
    .filter((row) => row('username') === 'relais')
    .map((row) => `${row('reason')} ${row('object')} (${row('context')})`)
}

/** Waits until the process behind this port tells all that Redis can tell it. */
async function tellsAll(port: number): Promise<void> {
  const shared = ['queue_jobs{', 'oldest_waiting_seconds{', 'redis_used_memory_bytes ', 'token_state{']
  await eventually(
    async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text(),
    (text) => shared.every((name) => text.includes(`\nrelais_${name}`)),
    { everyMs: 100, what: `metrics of port ${port} with ${shared.join(' ')}` },
  )
}

const headers = () => ({
  authorization: `Bearer ${system.secrets.apiKey}`,
  'content-type': 'application/json',
})

describe('as the least user of Redis', { timeout: 60_000 }, () => {
  it('messages are accepted, sent, told of by receipts, fall back, and are ended by their app', async () => {
    const [to = '', later = '', twice = '', ...many] = recipients(8)
    await system.reaches(await system.send(to, '482913'), ['delivered'])
    const failed = await system.send('+221771230026', '482914')
    await system.reaches(failed, ['fallback'])
    await system.fallbackRecord(failed)
    await system.reaches(await system.send('+221771230030', '482915'), ['fallback'])

    const body = JSON.stringify({ to: twice, type: 'otp', code: '482916' })
    const post = () =>
      fetch(`${system.apiUrl}/api/messages`, {
        method: 'POST',
        headers: { ...headers(), 'idempotency-key': 'twice' },
        body,
      })
    const answers = [await post(), await post()].map((answer) => answer.headers.get('idempotency-replayed'))
    expect(answers).toEqual([null, 'true'])

    const messages = many.map((each) => ({ to: each, type: 'otp', code: '482917' }))
    const batch = await system.call('POST', '/api/messages/batch', system.secrets.apiKey, { messages })
    expect(await batch.json()).toMatchObject({ accepted: many.length })

    const id = await system.send(later, '482918')
    await system.reaches(id, ['sent', 'delivered'])
    expect((await system.call('POST', `/api/messages/${id}/used`, system.secrets.apiKey)).status).toBe(200)
    expect((await system.call('DELETE', `/api/messages/${id}`, system.secrets.apiKey)).status).toBe(409)
    expect(await refused()).toEqual([])
  })

  it('the metrics tell what all share', async () => {
    await Promise.all(metricsPorts.map(tellsAll))
    expect(await refused()).toEqual([])
  })

  it('verifications are started, sent again, checked and looked at', async () => {
    const ask = (path: string, body?: object) =>
      system.call(body ? 'POST' : 'GET', path, system.secrets.apiKey, body)
    const started = await ask('/api/verifications', { to: recipients(30).at(-1) })
    const { id, messageId } = (await started.json()) as { id: string; messageId: string }
    const sent = await eventually(
      () => system.simulator.messages().find(({ callbackData }) => callbackData === messageId),
      (found) => found !== undefined,
    )
    const path = `/api/verifications/${id}`
    expect((await ask(`${path}/check`, { code: '0000000000' })).status).toBe(200)
    await admin.hset(`relais:verification:${id}`, 'resendAt', 0)
    expect((await ask(`${path}/resend`, {})).status).toBe(202)
    expect(await (await ask(`${path}/check`, { code: sent?.code })).json()).toEqual({ valid: true })
    expect(await (await ask(path)).json()).toMatchObject({ status: 'verified' })
    expect(await refused()).toEqual([])
  })

  it('a message whose job was lost is found by the sweep', async () => {
    const [worker] = system.workers
    await worker?.kill()
    const id = await system.send(recipients(9).at(-1) ?? '', '482919')
    await admin.del(`relais:messages:${id}`)
    await admin.zrem('relais:messages:prioritized', id)
    system.startApp('worker', { METRICS_PORT: '0' })
    await system.reaches(id, ['delivered'], 30_000)
    expect(await refused()).toEqual([])
  })

  it('operators renew and replace the token, look at the state and at the board', async () => {
    const renewed = await system.operate('POST', '/api/wallet/refresh-whatsapp-token')
    expect(renewed).toMatchObject({ statusCode: 200, body: { renewed: true } })
    const accessToken = system.simulator.issueToken()
    const updated = await system.operate('POST', '/api/wallet/update-whatsapp-token', { accessToken })
    expect(updated).toMatchObject({ statusCode: 200, body: { source: 'manual' } })
    const status = await system.operate('GET', '/api/wallet/whatsapp-status')
    expect(status.body).toMatchObject({ mode: 'connected' })
    const login = Buffer.from(`awa:${system.secrets.opsKey}`).toString('base64')
    for (const path of [
      '',
      '/api/queues',
      '/api/queues?activeQueue=messages&status=completed',
      '/api/redis-info',
    ]) {
      const answer = await fetch(`${system.apiUrl}/admin/queues${path}`, {
        headers: { authorization: `Basic ${login}` },
      })
      expect([path, answer.status < 500]).toEqual([path, true])
    }
    expect(await refused()).toEqual([])
  })

  it('apps are told, and operators see to their callbacks', async () => {
    const operate = async (method: string, path: string, body?: object) =>
      (await system.operate(method, `/api/admin/callbacks${path}`, body)).statusCode
    await using receiver = await startReceiver()
    expect(await operate('PUT', '/wallet', { url: receiver.url })).toBe(200)
    receiver.answer(500)
    const id = await system.send(recipients(21).at(-1) ?? '', '482922')
    await eventually(
      () => receiver.received().length,
      (count) => count > 0,
      { what: 'an event' },
    )
    receiver.answer(204)
    await system.reaches(id, ['delivered'])
    for (const verb of ['test', 'rotate', 'redrive'])
      expect(await operate('POST', `/wallet/${verb}`)).toBe(200)
    await eventually(
      () =>
        operate('POST', '/wallet/resume').then(() =>
          receiver.received().map(({ headers }) => headers['webhook-id']),
        ),
      (told) => told.includes(`${id}.2`),
      { what: 'the events' },
    )
    expect(await operate('GET', '')).toBe(200)
    expect(await operate('GET', '/wallet/dead')).toBe(200)
    expect(await operate('DELETE', '/wallet')).toBe(200)
    expect(await refused()).toEqual([])
  })

  it('the tools look, make keys, and read the audit', async () => {
    const tool = async (...args: string[]) => {
      const command = ['apps/cli/dist/main.js', ...args, '--file', emptyFile, '--json']
      const { stdout } = await promisify(execFile)(process.execPath, command, {
        env: { PATH: process.env['PATH'], RELAIS_DATA_DIR: '/none', ...system.env },
      })
      return JSON.parse(stdout) as Record<string, unknown>
    }
    expect(await tool('status')).toMatchObject({ mode: 'connected' })
    expect(await tool('doctor')).toMatchObject({ result: 'ok' })
    expect(await tool('tokens')).toMatchObject({ unreadable: 0 })
    expect(await tool('queues')).toMatchObject({
      queues: [{ name: 'messages', isPaused: false }, {}, {}, {}, {}],
    })
    await tool('queues', 'pause', 'messages', '--why', 'a test')
    await tool('queues', 'resume', 'messages')
    const { id, key } = await tool('keys', 'create', 'wallet')
    const [to = ''] = recipients(20).slice(-1)
    await eventually(
      () => system.call('POST', '/api/messages', String(key), { to, type: 'otp', code: '482921' }),
      ({ status }) => status === 202,
      { what: 'a key that is taken' },
    )
    await tool('keys', 'revoke', String(id))
    expect(await tool('keys', 'list')).toMatchObject({ keys: [{ id, state: 'revoked' }] })
    await tool('limits', 'stop', '+33', '--why', 'a test')
    expect(await tool('limits')).toMatchObject({ rulings: [{ prefix: '+33' }] })
    await tool('limits', 'clear', '+33')
    expect(await tool('reseal')).toMatchObject({ left: 0 })
    expect(await tool('audit', 'verify')).toMatchObject({ faults: [] })
    expect(await refused()).toEqual([])
  })

  it('all of it works in a cluster too', async (t) => {
    // The nodes of a cluster talk 10,000 ports above.
    let port = await freePort()
    while (port > 55_000) port = await freePort()
    const cluster = ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1']
    const server = await startRedis({ port, args: [...cluster, '--aclfile', users] })
    t.onTestFinished(() => server.stop())
    const owner = new Redis({ port, username: 'admin', password: ADMIN, enableReadyCheck: false })
    t.onTestFinished(() => owner.disconnect())
    await owner.cluster('ADDSLOTS', ...Array.from({ length: 16_384 }, (_, slot) => slot))
    const [apiMetrics, workerMetrics] = [await freePort(), await freePort()]
    const inCluster = await startSystem(t, {
      workerEnv: { METRICS_PORT: String(workerMetrics) },
      env: {
        METRICS_PORT: String(apiMetrics),
        QUEUE_PREFIX: 'relais',
        REDIS_URL: '',
        REDIS_CLUSTER: `127.0.0.1:${port}`,
        REDIS_USERNAME: 'relais',
        REDIS_PASSWORD: PASSWORD,
      },
    })
    await inCluster.reaches(await inCluster.send('+221771234567', '482920'), ['delivered'])
    const renewed = await inCluster.operate('POST', '/api/wallet/refresh-whatsapp-token')
    t.expect(renewed.statusCode).toBe(200)
    await Promise.all([apiMetrics, workerMetrics].map(tellsAll))
    t.expect(await owner.exists('{relais}:timers', '{relais}:last-receipt')).toBeGreaterThan(0)
    t.expect(await refused(owner)).toEqual([])
  })

  it('replicas can be waited for', async () => {
    expect(await relais.wait(0, 1)).toBe(0)
  })
})

describe('the least user of Redis', () => {
  it.each<[string, ...string[]]>([
    ['GET', 'another:key'],
    ['EVAL', "return redis.call('GET', KEYS[1])", '1', 'another:key'],
    ['EVAL', "return redis.call('GET', 'another:key')", '0'],
    ['RENAME', 'relais:timers', 'another:key'],
    ['PUBLISH', 'another', 'word'],
    ['SUBSCRIBE', 'another'],
    ['KEYS', '*'],
    ['RANDOMKEY'],
    ['SORT', 'relais:a', 'BY', 'another:*'],
    ['FLUSHALL'],
    ['FLUSHDB'],
    ['SWAPDB', '0', '1'],
    ['CONFIG', 'GET', '*'],
    ['ACL', 'LIST'],
    ['CLIENT', 'KILL', '127.0.0.1:1'],
    ['COMMAND'],
    ['MONITOR'],
    ['SCRIPT', 'FLUSH'],
    ['MIGRATE', '127.0.0.1', '1', 'relais:timers', '0', '1'],
    ['RESTORE', 'relais:a', '0', 'x'],
    ['DUMP', 'relais:timers'],
    ['REPLICAOF', 'NO', 'ONE'],
    ['MODULE', 'LIST'],
    ['SHUTDOWN', 'NOSAVE'],
  ])('may not %s %s', async (name, ...args) => {
    await expect(relais.call(name, ...args)).rejects.toThrow(/NOPERM|can't access|permission/i)
  })

  it('is the only one: without a login a ping is answered, and nothing else', async () => {
    expect(await nobody.ping()).toBe('PONG')
    for (const [name = '', ...args] of [
      ['GET', 'relais:timers'],
      ['INFO'],
      ['SUBSCRIBE', 'relais:x'],
      ['COMMAND'],
    ])
      await expect(nobody.call(name, ...args)).rejects.toThrow('NOPERM')
  })
})
