/** Real servers that speak TLS only, with certificates of an authority of their own. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createKeys,
  createTokenChanges,
  openRedis,
  readSettings,
  redisSettings,
  redisTarget,
  requireSense,
  SettingsError,
  type Environment,
} from '@relais/core'
import { endProcess, eventually, freePort, launch, serverCommand, startRedis } from '@relais/testing'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { authority, certificates, key, redisAuthority, redisCertificate } from './certificates.ts'

const PASSWORD = 'a-password-of-the-test'

let folder = ''
const file = (name: string) => join(folder, name)
/** What clients are given; the servers have the same certificate. */
let files: { REDIS_TLS_CA: string; REDIS_TLS_CERT: string; REDIS_TLS_KEY: string }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relais-tls-'))
  const contents = {
    ca: redisAuthority,
    cert: redisCertificate,
    key,
    'other-ca': authority,
    'other-cert': certificates.good,
    'not-pem': 'a certificate, or so they say',
  }
  for (const [name, content] of Object.entries(contents)) await writeFile(file(`${name}.pem`), content)
  files = {
    REDIS_TLS_CA: file('ca.pem'),
    REDIS_TLS_CERT: file('cert.pem'),
    REDIS_TLS_KEY: file('key.pem'),
  }
})
afterAll(() => rm(folder, { recursive: true }))

/** The server asks its clients for a certificate. Its other port, without TLS, is the test's own. */
async function tlsArguments(port: number): Promise<string[]> {
  const settings = {
    'tls-port': String(port),
    'tls-cert-file': files.REDIS_TLS_CERT,
    'tls-key-file': files.REDIS_TLS_KEY,
    'tls-ca-cert-file': files.REDIS_TLS_CA,
  }
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
}

async function startTls(more: string[] = [], plainPort?: number) {
  const port = await freePort()
  const args = [...(await tlsArguments(port)), ...more]
  const server = await startRedis({ args, ...(plainPort !== undefined && { port: plainPort }) })
  onTestFinished(() => server.stop())
  return { server, port }
}

function settingsOf(environment: Environment) {
  const settings = readSettings(environment, redisSettings)
  requireSense(settings)
  return settings
}

/** A connection as the apps open it; what went wrong with it, by the codes. */
function open(environment: Environment) {
  const faults: string[] = []
  const redis = openRedis(redisTarget(settingsOf(environment)), 'patient', (error) => {
    faults.push('code' in error ? String(error.code) : error.message)
  })
  onTestFinished(() => redis.disconnect())
  return { redis, faults }
}

function linesOf(environment: Environment): string[] {
  try {
    settingsOf(environment)
    return []
  } catch (error) {
    if (error instanceof SettingsError) return error.lines
    throw error
  }
}

describe('a Redis that speaks TLS', () => {
  it('is spoken to when both sides can verify one another, and so is its subscriber', async () => {
    const { port } = await startTls()
    const { redis } = open({ REDIS_URL: `rediss://127.0.0.1:${port}`, ...files })
    expect(await redis.set('relais:a', '1')).toBe('OK')
    const changes = createTokenChanges({
      redis,
      keys: createKeys('relais'),
      senderId: '1',
      onError: () => undefined,
    })
    onTestFinished(() => changes.close())
    await new Promise<void>((resolve) => changes.listen(resolve))
  })

  it.each([
    [
      'is of an authority that we do not know',
      { REDIS_TLS_CA: 'other-ca.pem' },
      /UNABLE_TO_VERIFY|SELF_SIGNED/,
    ],
    ['is of nobody whom Node trusts', { REDIS_TLS_CA: '' }, /UNABLE_TO_VERIFY|SELF_SIGNED/],
  ])('is left when its certificate %s, whatever Node is told', async (_why, wrong, code) => {
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    onTestFinished(() => void delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'])
    const { port } = await startTls()
    const ca = wrong.REDIS_TLS_CA && file(wrong.REDIS_TLS_CA)
    const { redis, faults } = open({ REDIS_URL: `rediss://127.0.0.1:${port}`, ...files, REDIS_TLS_CA: ca })
    await eventually(
      () => faults,
      ({ length }) => length > 0,
    )
    expect(faults[0]).toMatch(code)
    expect(redis.status).not.toBe('ready')
  })

  it('is left when its certificate is for another host', async () => {
    const { port } = await startTls(['--tls-cert-file', file('other-cert.pem')])
    const [byName, byAddress] = ['localhost', '127.0.0.1'].map((host) =>
      open({ ...files, REDIS_URL: `rediss://${host}:${port}`, REDIS_TLS_CA: file('other-ca.pem') }),
    )
    expect(await byName?.redis.exists('relais:a')).toBe(0)
    const faults = byAddress?.faults ?? []
    await eventually(
      () => faults,
      ({ length }) => length > 0,
    )
    expect(faults[0]).toMatch(/ERR_TLS_CERT_ALTNAME_INVALID/)
  })

  it('leaves us when we show no certificate, or that of a stranger', async () => {
    const { port } = await startTls()
    const { REDIS_TLS_CA } = files
    const stranger = { ...files, REDIS_TLS_CERT: file('other-cert.pem') }
    for (const shown of [{ REDIS_TLS_CA }, stranger]) {
      const { redis, faults } = open({ REDIS_URL: `rediss://127.0.0.1:${port}`, ...shown })
      await eventually(
        () => faults,
        ({ length }) => length > 0,
      )
      expect(redis.status).not.toBe('ready')
    }
    const { redis } = open({ REDIS_URL: `rediss://127.0.0.1:${port}`, ...files })
    expect(await redis.exists('relais:a')).toBe(0)
  })
})

describe('TLS without a URL', () => {
  it('reaches the primary that sentinels name, with a login of theirs and one of its own', async () => {
    const { server, port } = await startTls(['--user', 'relais', 'on', `>${PASSWORD}-1`, '~*', '&*', '+@all'])
    const sentinel = await startSentinel(port)
    const environment = {
      REDIS_SENTINELS: `127.0.0.1:${sentinel.tlsPort}`,
      REDIS_SENTINEL_NAME: 'relais',
      REDIS_SENTINEL_USERNAME: 'watcher',
      REDIS_SENTINEL_PASSWORD: `${PASSWORD}-2`,
      REDIS_USERNAME: 'relais',
      REDIS_PASSWORD: `${PASSWORD}-1`,
      REDIS_TLS: 'on',
      ...files,
    }
    const { redis } = open(environment)
    expect(await redis.set('relais:a', '1')).toBe('OK')
    const admin = new Redis(server.url)
    onTestFinished(() => admin.disconnect())
    expect(await admin.client('LIST')).toMatch(/name=relais .*user=relais/)
    // Word of a failover comes over a connection that stays.
    const watcher = new Redis(sentinel.port, { enableReadyCheck: false })
    onTestFinished(() => watcher.disconnect())
    await eventually(
      () => watcher.client('LIST') as Promise<string>,
      (clients) => /sub=1 .*user=watcher/.test(clients),
    )

    const faults = open({ ...environment, REDIS_SENTINEL_PASSWORD: 'another' }).faults
    await eventually(
      () => faults,
      ({ length }) => length > 0,
    )
    expect(faults[0]).toContain('WRONGPASS')
  })

  it('reaches the nodes of a cluster', async () => {
    // The nodes of a cluster talk 10,000 ports above.
    let plainPort = await freePort()
    while (plainPort > 55_000) plainPort = await freePort()
    const cluster = ['--cluster-enabled', 'yes', '--tls-cluster', 'yes', '--cluster-announce-ip', '127.0.0.1']
    const { server, port } = await startTls(cluster, plainPort)
    const admin = new Redis(server.url)
    onTestFinished(() => admin.disconnect())
    await admin.cluster('ADDSLOTS', ...Array.from({ length: 16_384 }, (_, slot) => slot))
    const environment = { REDIS_CLUSTER: `127.0.0.1:${port}`, REDIS_TLS: 'on', ...files }
    const { redis } = open(environment)
    expect(await redis.set('{relais}:a', '1')).toBe('OK')
  })

  async function startSentinel(primaryPort: number) {
    const [port, tlsPort] = [await freePort(), await freePort()]
    const pairs = (await tlsArguments(tlsPort)).join(' ').split('--').join('\n')
    const lines = [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${folder}`,
      pairs,
      'tls-replication yes',
      `sentinel monitor relais 127.0.0.1 ${primaryPort} 1`,
      'user default on nopass resetchannels -@all +ping +client',
      `user watcher on >${PASSWORD}-2 resetchannels &+switch-master -@all +client|setname +subscribe +sentinel|get-master-addr-by-name +sentinel|sentinels`,
    ]
    await writeFile(file('sentinel.conf'), lines.join('\n'))
    const child = await launch(serverCommand(), [file('sentinel.conf'), '--sentinel'], port)
    onTestFinished(() => endProcess(child, 'SIGKILL'))
    return { port, tlsPort }
  }
})

describe('the settings of TLS', () => {
  const secure = { REDIS_URL: 'rediss://redis:6379' }
  it.each<[string, () => Environment]>([
    ['REDIS_TLS_CA', () => ({ ...secure, REDIS_TLS_CA: file('no.pem') })],
    ['REDIS_TLS_CA', () => ({ ...secure, REDIS_TLS_CA: folder })],
    ['REDIS_TLS_CA', () => ({ ...secure, REDIS_TLS_CA: file('not-pem.pem') })],
    ['REDIS_TLS_CA', () => ({ ...secure, REDIS_TLS_CA: file('key.pem') })],
    ['REDIS_TLS_CA', () => ({ REDIS_URL: 'redis://redis:6379', REDIS_TLS_CA: file('ca.pem') })],
    ['REDIS_TLS_CA', () => ({ REDIS_CLUSTER: 'a:1', REDIS_TLS_CA: file('ca.pem') })],
    ['REDIS_TLS', () => ({ REDIS_URL: 'redis://redis:6379', REDIS_TLS: 'on' })],
    ['REDIS_TLS_CERT', () => ({ ...secure, REDIS_TLS_CERT: file('cert.pem') })],
    ['REDIS_TLS_KEY', () => ({ ...secure, REDIS_TLS_KEY: file('key.pem') })],
    ['REDIS_TLS_KEY', () => ({ ...secure, ...files, REDIS_TLS_CERT: file('ca.pem') })],
    ['REDIS_TLS_KEY', () => ({ ...secure, ...files, REDIS_TLS_KEY: file('cert.pem') })],
    ['REDIS_URL', () => ({ REDIS_URL: 'rediss://redis:6379?tls=any' })],
  ])('name what is wrong with %s, and nothing of the file', (name, environment) => {
    const lines = linesOf(environment())
    expect(lines).toEqual([expect.stringMatching(new RegExp(`^${name} .*Example: ${name}=`))])
    expect(lines.join()).not.toContain('they say')
  })

  it.each<[string[], Environment]>([
    [
      ['REDIS_USERNAME', 'REDIS_PASSWORD'],
      { REDIS_URL: 'redis://a:b@c', REDIS_USERNAME: 'a', REDIS_PASSWORD: 'b' },
    ],
    [['REDIS_USERNAME'], { REDIS_URL: 'redis://c', REDIS_USERNAME: 'a' }],
    [['REDIS_SENTINEL_PASSWORD'], { REDIS_URL: 'redis://c', REDIS_SENTINEL_PASSWORD: 'a' }],
    [[], { REDIS_URL: 'redis://c', REDIS_USERNAME: 'a', REDIS_PASSWORD: 'b' }],
  ])('say who logs in once: %j', (names, environment) => {
    expect(linesOf(environment).map((line) => line.split(' ')[0])).toEqual(names)
  })
})
