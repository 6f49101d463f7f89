import { PassThrough } from 'node:stream'
import {
  createKeys,
  createSealer,
  createTokenVault,
  fingerprint,
  readSettings,
  encryptionSettings,
  Secret,
  SettingsError,
  type TokenVault,
} from '@relais/core'
import { sharedRedisUrl } from '@relais/testing'
import { Redis } from 'ioredis'
import { describe, expect, it, onTestFinished } from 'vitest'
import { UsageError } from '../src/command.ts'
import { updateToken } from '../src/commands/tokens.ts'
import { apiOf } from './api-of.ts'
import { keepStderr } from './stderr.ts'
import { toolFixture } from './tool-fixture.ts'

const DAY_MS = 86_400_000
const SENDER = '106540352242922'
const APP = {
  WHATSAPP_PHONE_NUMBER_ID: SENDER,
  WHATSAPP_APP_ID: '138',
  WHATSAPP_APP_SECRET: 'appsecretappsecret',
}
const [FIRST, SECOND] = [new Secret('EAAfirstfirstfirst'), new Secret('EAAsecondsecondsecond')]

/** The tool, and the vault that it reads. */
function setup(more: Record<string, string> = APP): ReturnType<typeof toolFixture> & { vault: TokenVault } {
  const tool = toolFixture(more)
  const redis = new Redis(sharedRedisUrl(), { replyMapping: 'legacy' })
  onTestFinished(() => redis.disconnect())
  const sealer = createSealer(readSettings(tool.environment, encryptionSettings).encryptionKeys)
  const keys = createKeys(String(tool.environment['QUEUE_PREFIX']))
  return { ...tool, vault: createTokenVault({ redis, keys, sealer, senderId: SENDER }) }
}

const stored = (accessToken: Secret, obtainedAt: number, expiresAt: number | null) => {
  return { accessToken, source: 'manual' as const, obtainedAt, expiresAt }
}

describe('tokens', () => {
  it('lists the versions that are kept, says which is in use, and when it is renewed; none is shown', async () => {
    const { vault, run, json } = setup()
    const now = Date.now()
    await vault.bootstrap(stored(FIRST, now - 70 * DAY_MS, now - 10 * DAY_MS))
    const first = await vault.read()
    await vault.commit(
      { generation: first?.generation ?? '', version: 1 },
      { accessToken: SECOND, source: 'renewed', obtainedAt: now, expiresAt: now + 60 * DAY_MS },
      { lastRenewal: { at: now - 1000, ok: true } },
    )
    const { code, body } = await json('tokens')
    expect(code).toBe(0)
    expect(body).toMatchObject({
      inUse: 2,
      autoRenewal: true,
      unreadable: 0,
      nextRenewalAt: new Date(now + 30 * DAY_MS).toISOString(),
      lastRenewal: { ok: true },
      lastCheck: null,
      tokens: [
        { version: 2, fingerprint: fingerprint(SECOND), source: 'renewed', state: 'valid', isInUse: true },
        { version: 1, fingerprint: fingerprint(FIRST), source: 'manual', state: 'expired', isInUse: false },
      ],
    })
    const { output } = await run('tokens')
    expect(output).toMatch(/^\* {2}version 2 .* valid .* until /)
    expect(output).toMatch(
      /\n {3}version 1 .* expired .*\n\* is in use\nlast renewal: .*, done\nnext renewal: 20/,
    )
    for (const secret of [FIRST, SECOND]) expect(output + JSON.stringify(body)).not.toContain(secret.reveal())
  })

  it('a renewal that failed is told with its reason, and its next try is the next renewal', async () => {
    const { vault, run, json } = setup()
    const now = Date.now()
    await vault.bootstrap(stored(FIRST, now - 40 * DAY_MS, now + 20 * DAY_MS))
    const record = await vault.read()
    const retryAt = now + 60_000
    await vault.noteRenewal(
      { generation: record?.generation ?? '', version: 1 },
      { at: now, ok: false, error: '1: no\u001b[2J', failures: 1, retryAt },
    )
    expect((await json('tokens')).body).toMatchObject({ nextRenewalAt: new Date(retryAt).toISOString() })
    expect((await run('tokens')).output).toContain('failed: 1: no?[2J')
  })

  it('none that can be used is exit code 1, with what to do', async () => {
    const { vault, run } = setup()
    const none = await run('tokens')
    expect(none).toMatchObject({
      code: 1,
      output: expect.stringContaining('No token is stored yet') as string,
    })
    await vault.bootstrap(stored(FIRST, 0, 1000))
    const dead = await run('tokens')
    expect(dead).toMatchObject({ code: 1, output: expect.stringContaining('tokens update') as string })
  })

  it('that nobody renews says why', async () => {
    const { vault, run } = setup({ WHATSAPP_PHONE_NUMBER_ID: SENDER })
    await vault.bootstrap(stored(FIRST, Date.now(), Date.now() + DAY_MS))
    expect(await run('tokens')).toMatchObject({
      code: 0,
      output: expect.stringContaining('next renewal: none, WHATSAPP_APP_ID') as string,
    })
  })

  it('without the number whose tokens they are, the setting is named', async () => {
    await expect(toolFixture().run('tokens')).rejects.toBeInstanceOf(SettingsError)
  })
})

describe('tokens renew', () => {
  it('asks the API, and tells the new version', async () => {
    const body = { renewed: true, version: 3, expiresAt: '2027-01-20T12:00:00.000Z' }
    const { asked, tool } = await apiOf({ statusCode: 200, body }, { statusCode: 200, body })
    expect(await tool.run('tokens', 'renew')).toEqual({
      code: 0,
      output: 'Renewed: version 3 is in use everywhere within a second. It ends 2027-01-20 12:00 UTC.\n',
    })
    expect(await tool.json('tokens', 'renew')).toEqual({ code: 0, body })
    expect(asked[0]).toMatchObject({ method: 'POST', url: '/api/wallet/refresh-whatsapp-token', body: '' })
  })

  it('says in the words of the API why not', async () => {
    const told = keepStderr()
    const { tool } = await apiOf({ statusCode: 502, body: { detail: 'Meta did not renew\u001b[2J it.' } })
    expect(await tool.run('tokens', 'renew')).toEqual({ code: 1, output: '' })
    expect(told()).toBe('Meta did not renew?[2J it.\n')
  })

  it('a key without the scope is told so', async () => {
    const told = keepStderr()
    const { tool } = await apiOf({
      statusCode: 403,
      body: { detail: 'This key lacks the scope token:write.' },
    })
    expect(await tool.run('tokens', 'renew')).toEqual({ code: 1, output: '' })
    expect(told()).toMatch(/\(403\)\. This key lacks the scope token:write\. Set RELAIS_OPS_KEY/)
  })
})

describe('tokens update', () => {
  /** Runs it with this on standard input, on a terminal or not; what it showed besides its output. */
  async function update(
    { tool }: Awaited<ReturnType<typeof apiOf>>,
    args: string[],
    typed: string,
    isTTY = false,
  ) {
    const { context, printed } = tool.prepare('tokens', 'update', ...args)
    const input = Object.assign(new PassThrough(), { isTTY })
    const output = new PassThrough()
    let shown = ''
    output.on('data', (chunk: Buffer) => (shown += chunk.toString()))
    input.end(typed)
    const code = await updateToken(context, { input, output })
    return { code, printed: printed(), shown }
  }

  const body = { version: 4, expiresAt: null, source: 'manual', warnings: ['It lacks a right.'] }

  it.for([false, true])(
    'brings the token that is typed, and shows nothing of it (terminal: %s)',
    async (isTTY) => {
      const api = await apiOf({ statusCode: 200, body })
      const done = await update(api, [], 'EAAnewtoken\n', isTTY)
      expect(done.code).toBe(0)
      expect(done.printed).toBe(
        'Stored: version 4 is in use everywhere within a second. It has no end that is known.\nIt lacks a right.\n',
      )
      expect(done.shown).toContain('Access token: ')
      expect(done.printed + done.shown).not.toContain('EAAnew')
      expect(api.asked).toMatchObject([
        { url: '/api/wallet/update-whatsapp-token', body: '{"accessToken":"EAAnewtoken"}' },
      ])
    },
  )

  it('brings the app secret with it when asked to, and prints JSON alone', async () => {
    const api = await apiOf({ statusCode: 200, body })
    const done = await update(api, ['--app-secret', '--json'], 'EAAnewtoken\nnewappsecret\n')
    expect(JSON.parse(done.printed)).toEqual(body)
    expect(done.shown).toContain('App secret: ')
    expect(api.asked[0]?.body).toBe('{"accessToken":"EAAnewtoken","appSecret":"newappsecret"}')
  })

  it.for([
    ['', []],
    ['EAAnewtoken\n', ['--app-secret']],
    ['\n', []],
    ['two words of it\n', []],
  ] as const)('asks nobody when what is given will not do: %j', async ([typed, args]) => {
    const api = await apiOf()
    const done = await update(api, [...args], typed)
    expect(done).toMatchObject({ code: 1, printed: '' })
    expect(done.shown).toContain('othing was changed.')
    expect(done.shown).not.toContain('two words')
    expect(api.asked).toEqual([])
  })

  it('a token in an argument is refused, and not repeated', async () => {
    const error = await toolFixture()
      .run('tokens', 'update', 'EAAsecret')
      .catch((fault: unknown) => fault)
    expect(error).toBeInstanceOf(UsageError)
    expect(String(error)).not.toContain('EAAsecret')
  })
})
