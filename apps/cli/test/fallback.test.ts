import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import {
  createAgeSeal,
  createSealer,
  makeAgeIdentity,
  sealContent,
  Secret,
  SettingsError,
} from '@relais/core'
import { describe, expect, it } from 'vitest'
import { UsageError } from '../src/command.ts'
import { openRecords } from '../src/commands/fallback-open.ts'
import { apiOf } from './api-of.ts'
import { keepStderr } from './stderr.ts'
import { toolFixture } from './tool-fixture.ts'

const folder = () => mkdtemp(join(tmpdir(), 'relais-'))

const listed = {
  messageId: 'msg_1',
  app: 'wallet',
  type: 'otp',
  to: '…4567',
  reason: 'undelivered',
  fellBackAt: '2026-05-04T10:00:00.000Z',
  expiresAt: '2026-05-04T10:05:00.000Z',
  reference: 'login\u001b[2J',
  isRevealable: true,
}

describe('fallback list', () => {
  it('shows who fell back, and where to go on', async () => {
    const revealed = {
      ...listed,
      messageId: 'msg_2',
      isRevealable: false,
      revealedBy: 'moussa',
      revealedAt: '2026-05-04T10:01:00.000Z',
    }
    const body = { records: [listed, revealed], next: 'msg_2' }
    const { asked, tool } = await apiOf({ statusCode: 200, body }, { statusCode: 200, body })
    const { code, output } = await tool.run('fallback', 'list', '--limit', '2', '--app', 'wallet')
    expect(code).toBe(0)
    expect(output).toMatch(/msg_1 .*…4567 .*login\?\[2J .*revealable until 2026-05-04T10:05/)
    expect(output).toMatch(/msg_2 .*revealed to moussa at .*\nmore: --before msg_2\n$/)
    expect(await tool.json('fallback', 'list')).toMatchObject({ code: 0, body })
    expect(asked).toMatchObject([
      { method: 'GET', url: '/api/fallback?limit=2&app=wallet', authorization: 'Bearer ops-key' },
      { url: '/api/fallback' },
    ])
  })
})

describe('fallback reveal', () => {
  const answer = { messageId: 'msg_1', to: '+221771234567', code: '000123', expiresAt: listed.expiresAt }

  it('prints the code, and sends the reason', async () => {
    const { asked, tool } = await apiOf({ statusCode: 200, body: answer })
    const { code, output } = await tool.run('fallback', 'reveal', 'msg_1', '--reason', ' the person called ')
    expect(code).toBe(0)
    expect(output).toMatch(/^000123\nFor \+221771234567, until 2026-05-04T10:05/)
    expect(asked).toEqual([
      {
        method: 'POST',
        url: '/api/fallback/msg_1/reveal',
        authorization: 'Bearer ops-key',
        body: '{"reason":"the person called"}',
      },
    ])
  })

  it('says in the words of the API why there is none', async () => {
    const told = keepStderr()
    const detail = 'You have revealed as many codes as one may in a minute.'
    const { tool } = await apiOf({ statusCode: 429, body: { detail, retryAfterSeconds: 17 } })
    expect(await tool.run('fallback', 'reveal', 'msg_1', '--reason', 'why')).toEqual({ code: 1, output: '' })
    expect(told()).toBe(`${detail} Try again in 17 s.\n`)
  })

  it.for([['msg_1'], ['msg_1', '--reason', '  '], ['--reason', 'why'], ['msg/1', '--reason', 'why']])(
    'makes no sense as %j',
    async (args) => {
      await expect(toolFixture().run('fallback', 'reveal', ...args)).rejects.toBeInstanceOf(UsageError)
    },
  )
})

describe('fallback keygen and fallback open', () => {
  const record = (messageId: string, code?: string, expiresAt = Date.now() + 60_000) => ({
    event: 'message.fallback',
    messageId,
    app: 'wallet',
    to: '+221771234567',
    ...(code !== undefined && { code }),
    reason: 'undelivered',
    expiresAt: new Date(expiresAt).toISOString(),
  })

  it('a key pair is made in a new file that only its owner can read, and opens what is sealed to it', async () => {
    const told = keepStderr()
    const identity = join(await folder(), 'operators.age')
    const tool = toolFixture()
    const made = await tool.json('fallback', 'keygen', '--identity', identity)
    expect(made.code).toBe(0)
    expect(((await stat(identity)).mode & 0o777).toString(8)).toBe('600')
    expect(JSON.stringify(made)).not.toContain('AGE-SECRET-KEY')
    const recipient = String(made.body['recipient'])
    expect(await readFile(identity, 'utf8')).toContain(`# public key: ${recipient}\nAGE-SECRET-KEY-1`)

    const seal = await createAgeSeal([recipient])
    const other = await createAgeSeal([(await makeAgeIdentity()).recipient])
    const lines = [
      JSON.stringify({ event: 'message.sent', messageId: 'msg_0' }),
      JSON.stringify(record('msg_1', await seal('000123'))),
      `worker-1  | ${JSON.stringify(record('msg_2', await seal('A-1')))}`,
      'not JSON {',
      '',
      JSON.stringify(record('msg_3', await seal('482913'), Date.now() - 1)),
      JSON.stringify(record('msg_4')),
      JSON.stringify(record('msg_5', await other('654321'))),
    ]
    const log = join(await folder(), 'fallback.log')
    await writeFile(log, lines.join('\n'))
    const { code, output } = await tool.run('fallback', 'open', '--identity', identity, log)
    const shown = output.trimEnd().split('\n')
    expect(shown.map((line) => JSON.parse(line) as object)).toEqual([
      { ...record('msg_1', '000123'), expiresAt: expect.any(String) as string },
      { ...record('msg_2', 'A-1'), expiresAt: expect.any(String) as string },
      { ...record('msg_3'), expiresAt: expect.any(String) as string, expired: true },
      { ...record('msg_4'), expiresAt: expect.any(String) as string },
      { ...record('msg_5'), expiresAt: expect.any(String) as string },
    ])
    expect(code).toBe(1)
    expect(told()).toBe('msg_5 does not open with this key\n')
  })

  it('a file that is there is not written over', async () => {
    const told = keepStderr()
    const identity = join(await folder(), 'operators.age')
    await writeFile(identity, 'theirs')
    expect((await toolFixture().run('fallback', 'keygen', '--identity', identity)).code).toBe(1)
    expect(told()).toContain('there is a file of this name')
    expect(await readFile(identity, 'utf8')).toBe('theirs')
  })

  it('codes sealed by Relais to itself open with ENCRYPTION_KEYS, each for its own message', async () => {
    const key = randomBytes(32).toString('base64')
    const sealer = createSealer([{ id: 'k1', key: new Secret(key) }])
    const sealed = sealContent(sealer, 'msg_1', { type: 'otp', code: '000123' })
    const input = Readable.from([
      `${JSON.stringify(record('msg_1', sealed))}\n`,
      `${JSON.stringify(record('msg_2', sealed))}\n`,
      `${JSON.stringify(record('msg_3', '777777'))}\n`,
    ])
    const { context, printed } = toolFixture({ ENCRYPTION_KEYS: `k1:${key}` }).prepare('fallback', 'open')
    const warnings: string[] = []
    expect(await openRecords(context, { input, warn: (text) => void warnings.push(text) })).toBe(1)
    const codes = printed()
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { code?: string }).code)
    expect(codes).toEqual(['000123', undefined, '777777'])
    expect(warnings).toEqual(['msg_2 does not open with this key\n'])
  })

  it('an identity file that others can read, or that is none, is not used', async () => {
    const identity = join(await folder(), 'operators.age')
    const tool = toolFixture()
    const open = () => tool.run('fallback', 'open', '--identity', identity, '/dev/null')
    await expect(open()).rejects.toThrow('cannot be read (ENOENT)')
    await tool.run('fallback', 'keygen', '--identity', identity)
    await chmod(identity, 0o640)
    await expect(open()).rejects.toThrow('can be read by others')
    await chmod(identity, 0o600)
    await writeFile(identity, 'AGE-SECRET-KEY-1NOT')
    await expect(open()).rejects.toThrow(SettingsError)
    await expect(open()).rejects.not.toThrow('AGE-SECRET-KEY-1NOT')
  })

  it('nothing to open is said', async () => {
    const told = keepStderr()
    expect((await toolFixture().run('fallback', 'open', '/dev/null')).code).toBe(1)
    expect(told()).toContain('no fallback record')
  })
})
