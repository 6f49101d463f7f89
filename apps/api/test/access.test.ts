/** Every route against every kind of key, each scope, and the objects of others. The rows come from the route table itself. */
import {
  APP_SCOPES,
  createApiKeyStore,
  createAudit,
  createSealer,
  digestOfKey,
  makeApiKey,
  OPERATOR_SCOPES,
  prefixOf,
  Secret,
  type ApiKeyRecord,
  type KeyMode,
  type Scope,
} from '@relais/core'
import Fastify from 'fastify'
import { describe, expect, it } from 'vitest'
import { createLoginGuard } from '../src/login-guard.ts'
import { registerAuth, type AccessRow } from '../src/plugins/auth.ts'
import { apiFixture, APP_KEY, ENCRYPTION_KEY, OPS_KEY, OTHER_APP_KEY } from './api-fixture.ts'

const fixture = apiFixture()
const { inject, accessTable } = fixture

/** Makes a key in the Redis of the API; it is in use at once. */
async function newKey(
  more: Partial<ApiKeyRecord> & Pick<ApiKeyRecord, 'kind'>,
): Promise<{ id: string; key: string }> {
  const { redis } = fixture.inside()
  const sealer = createSealer([{ id: 'k1', key: new Secret(ENCRYPTION_KEY) }])
  const { id, text } = makeApiKey(prefixOf({ kind: more.kind, ...(more.mode && { mode: more.mode }) }))
  const record: ApiKeyRecord = {
    id,
    name: `n-${id}`,
    scopes: more.kind === 'app' ? APP_SCOPES : OPERATOR_SCOPES,
    sha256: digestOfKey(text.reveal()).toString('base64url'),
    createdAt: Date.now(),
    createdBy: 'cli:test',
    expiresAt: Date.now() + 60_000,
    ...more,
  }
  expect(await createApiKeyStore({ redis, keys: fixture.keys, sealer }).create(record)).toBe('created')
  return { id, key: text.reveal() }
}

/** Each call comes from somewhere else: wrong keys from one address would be held up. */
let calls = 0
const address = () => `10.0.${Math.floor(calls / 250)}.${calls++ % 250}`

const basic = (name: string, key: string) => `Basic ${Buffer.from(`${name}:${key}`).toString('base64')}`

/** A caller may not have any number of keys. */
async function clearKeys(): Promise<void> {
  await fixture.inside().redis.del(fixture.keys.apiKeys())
}

/** Calls a route of the table with a key, in the way that it takes keys; what else it needs is left out. */
async function call(
  { method, url, access }: AccessRow,
  name: string,
  key: string | undefined,
  id = 'msg_none',
) {
  const isBasic = typeof access === 'object' && access.kind === 'operator' && access.by === 'basic'
  const authorization = key === undefined ? undefined : isBasic ? basic(name, key) : `Bearer ${key}`
  const answer = await inject({
    method: method as 'GET',
    remoteAddress: address(),
    url: url.replace(/:id\b/, id).replaceAll(/:\w+/g, 'none').replace('*', 'none'),
    // What changes something is taken from pages of ours only.
    headers: { ...(authorization && { authorization }), 'sec-fetch-site': 'same-origin' },
    // Some answers do not end by themselves.
    payloadAsStream: true,
  })
  answer.stream().destroy()
  return answer.statusCode
}

/** Neither of these: the key was let in, whatever the rest of the request led to. */
const isLetIn = (statusCode: number) => ![401, 403].includes(statusCode)

describe('every route', () => {
  it('says what it takes', async () => {
    const table = await accessTable()
    const urls = table.map(({ method, url }) => `${method} ${url}`)
    expect(urls).toContain('POST /api/messages')
    expect(urls).toContain('GET /admin/queues/api/queues')
    expect(urls).toContain('GET /docs/json')
    const open = table.filter(({ access }) => access === 'open').map(({ url }) => url.split('/')[1])
    expect(new Set(open)).toEqual(new Set(['admin', 'docs', 'openapi.json', 'livez', 'readyz']))
    const openForOperators = table.filter(({ access, url }) => access === 'open' && url.startsWith('/admin'))
    for (const { url } of openForOperators) expect(url).toMatch(/^\/admin\/assets\/[\w-]+\.(css|js|svg)$/)
    const signed = table.filter(({ access }) => access === 'signed').map(({ url }) => url)
    expect(new Set(signed)).toEqual(new Set(['/api/webhooks/whatsapp']))
    const hooks = table.filter(({ access }) => access === 'hook').map(({ url }) => url)
    expect(hooks).toEqual(['/api/integrations/supabase/:app'])
  })

  it('keeps the app from starting if it does not', async () => {
    const app = Fastify()
    const identify = () => Promise.resolve({ kind: 'unknown' as const })
    registerAuth(app, { callers: { identify }, loginGuard: createLoginGuard(), onLogin: () => undefined })
    app.get('/api/forgotten', () => 'x')
    await expect(app.ready()).rejects.toThrow('GET /api/forgotten does not say who may call it')
  })

  it('refuses no key, a wrong key, and keys of the other kind, before anything else is looked at', async () => {
    const guarded = (await accessTable()).filter(({ access }) => typeof access === 'object')
    expect(guarded.length).toBeGreaterThan(20)
    const wrong = makeApiKey('rk_live').text.reveal()
    for (const row of guarded) {
      const what = `${row.method} ${row.url}`
      const isForApps = typeof row.access === 'object' && row.access.kind === 'app'
      const [own, ownName, other, otherName] = isForApps
        ? [APP_KEY, 'wallet', OPS_KEY, 'awa']
        : [OPS_KEY, 'awa', APP_KEY, 'wallet']
      expect(await call(row, 'awa', undefined), `${what} without a key`).toBe(401)
      expect(await call(row, 'awa', wrong), `${what} with a wrong key`).toBe(401)
      expect(await call(row, otherName, other), `${what} with a key of the other kind`).toBe(403)
      expect(isLetIn(await call(row, ownName, own)), `${what} with the right key`).toBe(true)
    }
  })

  it('opens to its own scope, and to no other', async () => {
    const table = (await accessTable()).filter(({ access }) => typeof access === 'object')
    const of = (kind: 'app' | 'operator') => (scope: Scope) => ({ kind, scope })
    const scopes = [...APP_SCOPES.map(of('app')), ...OPERATOR_SCOPES.map(of('operator'))]
    for (const { kind, scope } of scopes) {
      const { key } = await newKey({
        kind,
        name: 'narrow',
        scopes: [scope],
        ...(kind === 'app' && { mode: 'live' }),
      })
      for (const row of table) {
        if (typeof row.access === 'string') continue
        const statusCode = await call(row, 'narrow', key)
        const what = `${row.method} ${row.url} with ${scope} of an ${kind}: ${statusCode}`
        expect(isLetIn(statusCode), what).toBe(row.access.kind === kind && row.access.scope === scope)
        if (!isLetIn(statusCode)) expect(statusCode, what).toBe(403)
      }
      await clearKeys()
    }
  })
})

describe("objects of others, by every kind of an app's key", () => {
  it.for([
    ['live', 'live', true],
    ['live', 'team', true],
    ['live', 'test', false],
    ['team', 'live', true],
    ['team', 'team', true],
    ['team', 'test', false],
    ['test', 'live', false],
    ['test', 'team', false],
    ['test', 'test', true],
  ] as const)(
    'a message of a %s key, asked for with a %s key of the same app: %s',
    async ([by, asker, isFound]) => {
      const name = `app-${by}-${asker}`
      const keyOf = (mode: KeyMode, of: string) =>
        newKey({ kind: 'app', name: of, mode, ...(mode === 'team' && { recipients: ['+221771231234'] }) })
      const { key } = await keyOf(by, name)
      const body = { to: '+221771231234', type: 'otp', code: '482913' }
      const sent = await fixture.post(body, { authorization: `Bearer ${key}` })
      expect(sent.statusCode).toBe(202)
      const { id } = sent.json<{ id: string }>()
      const rows = (await accessTable()).filter(({ url }) => url.includes('/api/messages/:id'))
      expect(rows.map(({ method, url }) => `${method} ${url}`).toSorted()).toEqual([
        'DELETE /api/messages/:id',
        'GET /api/messages/:id',
        'HEAD /api/messages/:id',
        'POST /api/messages/:id/used',
      ])
      const { key: askers } = await keyOf(asker, name)
      const { key: others } = await keyOf(asker, `other-${name}`)
      for (const row of rows) {
        const what = `${row.method} ${row.url}`
        for (const foreign of [others, OTHER_APP_KEY]) {
          expect(await call(row, name, foreign, id), `${what} by another app`).toBe(404)
        }
        expect((await call(row, name, askers, id)) !== 404, what).toBe(isFound)
      }
    },
  )
})

describe('a key', () => {
  const status = { url: '/api/wallet/whatsapp-status' }
  const read = async (key: string) => {
    const answer = await inject({ ...status, headers: { authorization: `Bearer ${key}` } })
    return answer.statusCode === 200 ? 'in' : answer.json<{ detail: string }>().detail
  }

  it('works at once when it is made, and not any more when it has expired', async () => {
    const { key } = await newKey({ kind: 'operator', name: 'moussa' })
    expect(await read(key)).toBe('in')
    const { key: late } = await newKey({ kind: 'operator', name: 'moussa', expiresAt: Date.now() - 1 })
    expect(await read(late)).toMatch(/^This key has expired/)
  })

  it('that is revoked opens nothing a moment later, without a restart', async () => {
    const { id, key } = await newKey({ kind: 'operator', name: 'fatou' })
    expect(await read(key)).toBe('in')
    const { redis } = fixture.inside()
    const sealer = createSealer([{ id: 'k1', key: new Secret(ENCRYPTION_KEY) }])
    await createApiKeyStore({ redis, keys: fixture.keys, sealer }).revoke(id, 'cli:test')
    const at = performance.now()
    await expect.poll(() => read(key), { timeout: 5000, interval: 50 }).toMatch(/^This key was revoked/)
    expect(performance.now() - at).toBeLessThan(5000)
  })

  it('that lacks the scope is refused, and the audit says whose it was', async () => {
    const { id, key } = await newKey({ kind: 'operator', name: 'binta', scopes: ['fallback:read'] })
    expect(await read(key)).toBe('This key lacks the scope status:read.')
    const { redis } = fixture.inside()
    const audit = createAudit({
      redis,
      keys: fixture.keys,
      encryptionKeys: [{ id: 'k1', key: new Secret(ENCRYPTION_KEY) }],
      keptDays: 1,
    })
    const told = async () => (await audit.latest(50)).find(({ subject }) => subject === id)
    await expect.poll(told).toMatchObject({ action: 'login.failed', detail: { why: 'forbidden' } })
  })

  it('of a team sends to the team only, in a batch as well', async () => {
    const { key } = await newKey({ kind: 'app', name: 'bank', mode: 'team', recipients: ['+221771231234'] })
    const headers = { authorization: `Bearer ${key}` }
    const message = { type: 'otp', code: '482913' }
    const [own, other] = [
      { ...message, to: '+221771231234' },
      { ...message, to: '+221771231235' },
    ]
    const answer = await fixture.post(other, headers)
    expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([403, 'recipient_not_in_team'])
    const batch = await fixture.postTo('/api/messages/batch', { messages: [own, other] }, headers)
    expect(batch.json()).toMatchObject({
      accepted: 1,
      rejected: 1,
      results: [{ status: 'queued' }, { status: 403, code: 'recipient_not_in_team' }],
    })
  })

  it('tells when it was last used, within a minute', async () => {
    const { id, key } = await newKey({ kind: 'operator', name: 'last' })
    await read(key)
    await fixture.close()
    const { redis } = fixture.inside()
    const used = await redis.hget(fixture.keys.apiKeysUsed(), id)
    expect(Math.abs(Number(used) - Date.now())).toBeLessThan(60_000)
  })
})
