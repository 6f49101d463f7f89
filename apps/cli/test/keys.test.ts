import { randomBytes } from 'node:crypto'
import { readApiKey, SettingsError } from '@relais/core'
import { freePort, sharedRedisUrl } from '@relais/testing'
import { Redis } from 'ioredis'
import { describe, expect, it, onTestFinished } from 'vitest'
import { UsageError } from '../src/command.ts'
import { toolFixture } from './tool-fixture.ts'

describe('keys', () => {
  it('are made, shown once, listed and revoked; and the audit knows of it', async () => {
    const { run, json } = toolFixture()
    const made = await json('keys', 'create', 'wallet', '--days', '30', '--scopes', 'messages:send')
    expect(made).toMatchObject({ code: 0, body: { name: 'wallet', mode: 'live', scopes: ['messages:send'] } })
    const key = String(made.body['key'])
    expect(readApiKey(key)).toMatchObject({ prefix: 'rk_live', id: made.body['id'] })
    const life = Date.parse(String(made.body['expiresAt'])) - Date.now()
    expect(Math.round(life / 86_400_000)).toBe(30)

    const listed = await json('keys', 'list')
    expect(listed.body.keys).toMatchObject([{ id: made.body['id'], state: 'live', createdBy: 'cli:awa' }])
    expect(JSON.stringify(listed)).not.toContain(key)
    expect((await run('keys', 'list')).output).toContain('messages:send')

    const id = String(made.body['id'])
    expect(await run('keys', 'revoke', id)).toEqual({ code: 0, output: `${id} of wallet is revoked.\n` })
    expect((await json('keys', 'list')).body.keys).toMatchObject([{ state: 'revoked' }])
    expect((await run('keys', 'revoke', 'nobodysKey00')).code).toBe(1)

    const audit = JSON.parse((await run('audit', 'list', '--json')).output) as Record<string, unknown>[]
    expect(audit).toMatchObject([
      { action: 'key.revoked', actor: 'cli:awa', subject: id },
      { action: 'key.created', actor: 'cli:awa', subject: id, detail: { scopes: 'messages:send' } },
    ])
    expect((await run('audit', 'list')).output).toMatch(/key\.revoked .*\n.*key\.created /)
  })

  it.for([
    [['--operator'], { prefix: 'ops', scopes: expect.arrayContaining(['fallback:reveal']) as unknown }],
    [['--mode', 'test'], { prefix: 'rk_test' }],
    [['--mode', 'team', '--recipients', '+221771234567,+33612345678'], { prefix: 'rk_team' }],
  ] as const)('of each kind can be made: %j', async ([options, { prefix, ...more }]) => {
    const { body } = await toolFixture().json('keys', 'create', 'awa', ...options)
    expect(readApiKey(String(body['key']))?.prefix).toBe(prefix)
    expect(body).toMatchObject(more)
  })

  it('five of a caller may work at a time', async () => {
    const { run } = toolFixture()
    const codes = []
    for (let i = 0; i < 6; i += 1) codes.push((await run('keys', 'create', 'wallet')).code)
    expect(codes).toEqual([0, 0, 0, 0, 0, 1])
  })

  it.for([
    ['create'],
    ['create', 'a name'],
    ['create', 'wallet', '--mode', 'secret'],
    ['create', 'awa', '--operator', '--mode', 'live'],
    ['create', 'wallet', '--scopes', 'messages:send,secret'],
    ['create', 'wallet', '--scopes', 'token:write'],
    ['create', 'wallet', '--mode', 'team'],
    ['create', 'wallet', '--mode', 'team', '--recipients', '+221771234567,secret'],
    ['create', 'wallet', '--recipients', '+221771234567'],
    ['create', 'wallet', '--days', '0'],
    ['revoke'],
    ['revoke', 'rk_live_secret'],
  ])('what makes no sense is refused and not repeated: keys %j', async (args) => {
    const error = await toolFixture()
      .run('keys', ...args)
      .catch((fault: unknown) => fault)
    expect(error).toBeInstanceOf(UsageError)
    expect(String(error)).not.toContain('secret')
  })

  it('records under another encryption key are told', async () => {
    const { environment, run } = toolFixture()
    await run('keys', 'create', 'wallet')
    const others = toolFixture({
      ...environment,
      ENCRYPTION_KEYS: `k2:${randomBytes(32).toString('base64')}`,
    })
    expect(await others.run('keys', 'list')).toMatchObject({
      code: 1,
      output: expect.stringContaining('1 records do not open') as string,
    })
  })
})

describe('audit verify', () => {
  it('says that all is well, or what is not', async () => {
    const { environment, run } = toolFixture()
    expect((await run('audit', 'verify')).output).toContain('0 entries')
    await run('keys', 'create', 'wallet')
    await run('keys', 'create', 'shop')
    expect(await run('audit', 'verify')).toMatchObject({
      code: 0,
      output: expect.stringMatching(/^2 entries, 1 to 2, since [\s\S]*whole and unchanged/) as string,
    })
    const redis = new Redis(sharedRedisUrl())
    onTestFinished(() => redis.disconnect())
    const stream = `${environment['QUEUE_PREFIX']}:audit`
    const [[id] = ['']] = await redis.xrange(stream, '-', '+')
    await redis.xdel(stream, id)
    expect(await run('audit', 'verify')).toMatchObject({
      code: 1,
      output: expect.stringContaining('before this one are missing') as string,
    })
  })
})

describe('without what is needed', () => {
  it('a Redis that is away is told, and nothing is done', async () => {
    const { run } = toolFixture({ REDIS_URL: `redis://127.0.0.1:${await freePort()}` })
    expect(await run('keys', 'list')).toEqual({ code: 1, output: '' })
  })

  it('missing settings are named', async () => {
    const { run } = toolFixture({ ENCRYPTION_KEYS: '' })
    await expect(run('keys', 'list')).rejects.toBeInstanceOf(SettingsError)
  })
})
