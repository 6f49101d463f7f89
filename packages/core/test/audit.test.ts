import { randomBytes } from 'node:crypto'
import { createAudit, Secret, type AuditEntry, type EncryptionKey } from '@relais/core'
import { expect, it } from 'vitest'
import { redisFixture } from './redis-fixture.ts'

const entry: AuditEntry = { actor: 'operator:awa', action: 'token.updated', detail: { outcome: 'stored' } }

function encryptionKey(id: string): EncryptionKey {
  return { id, key: new Secret(randomBytes(32).toString('base64')) }
}

function auditFixture(keptDays = 400) {
  const { redis, keys } = redisFixture()
  const [first, second] = [encryptionKey('k1'), encryptionKey('k2')]
  const auditOf = (...encryptionKeys: EncryptionKey[]) =>
    createAudit({ redis, keys, encryptionKeys, keptDays })
  return { redis, keys, first, second, auditOf, audit: auditOf(first) }
}

/** A chain of so many entries, and the ids they have in the stream. */
async function chainOf(count: number) {
  const fixture = auditFixture()
  for (let i = 0; i < count; i += 1) await fixture.audit.append({ ...entry, subject: `s${i}` })
  const ids = (await fixture.redis.xrange(fixture.keys.audit(), '-', '+')).map(([id]) => id)
  return { ...fixture, ids }
}

it('entries follow one another, and the whole chain is proven', async () => {
  const { audit } = await chainOf(3)
  const latest = await audit.latest(2)
  expect(latest.map(({ seq, subject }) => [seq, subject])).toEqual([
    [3, 's2'],
    [2, 's1'],
  ])
  expect(latest[0]).toMatchObject({ ...entry, subject: 's2', previous: latest[1]?.hash })
  const verdict = await audit.verify()
  expect(verdict).toMatchObject({ entries: 3, first: { seq: 1 }, last: { seq: 3 }, faults: [] })
})

it('an empty audit is in order', async () => {
  expect(await auditFixture().audit.verify()).toEqual({ entries: 0, faults: [] })
})

it('of many who write at the same time each gets a place', async () => {
  const { auditOf, first } = auditFixture()
  const writers = Array.from({ length: 20 }, () => auditOf(first))
  await Promise.all(writers.map((writer, i) => writer.append({ ...entry, subject: `s${i}` })))
  expect(await auditOf(first).verify()).toMatchObject({ entries: 20, last: { seq: 20 }, faults: [] })
})

it('more entries than a page are gone through to the end', async () => {
  const { audit } = await chainOf(501)
  expect(await audit.verify()).toMatchObject({ entries: 501, last: { seq: 501 }, faults: [] })
})

it('an entry that was changed is found', async () => {
  const { redis, keys, audit, ids } = await chainOf(3)
  const [[, fields] = ['', []]] = await redis.xrange(keys.audit(), ids[1] ?? '', ids[1] ?? '')
  // A stream's entry cannot be written over: the chain is made anew around the change.
  const all = await redis.xrange(keys.audit(), '-', '+')
  await redis.del(keys.audit())
  for (const [id, values] of all) {
    const told = id === ids[1] ? values.map((text) => text.replace('operator:awa', 'operator:eve')) : values
    await redis.xadd(keys.audit(), id, ...told)
  }
  expect(fields.join()).toContain('operator:awa')
  expect((await audit.verify()).faults).toEqual([
    { seq: 2, what: expect.stringContaining('changed') as string },
  ])
})

it.for([
  ['the first', 0, 2, /before this one are missing/],
  ['one in the middle', 1, 3, /does not follow/],
  ['the last', 2, 3, /missing from here on/],
] as const)('an entry that was taken out is missed: %s', async ([, index, seq, what]) => {
  const { redis, keys, audit, ids } = await chainOf(3)
  await redis.xdel(keys.audit(), ids[index] ?? '')
  expect((await audit.verify()).faults).toEqual([{ seq, what: expect.stringMatching(what) as string }])
})

it('a whole audit that was deleted is missed, unless it went for its age', async () => {
  const { redis, keys, audit } = await chainOf(2)
  await redis.del(keys.audit())
  expect((await audit.verify()).faults).toEqual([
    { seq: 1, what: expect.stringContaining('missing') as string },
  ])
  await redis.hset(keys.auditHead(), 'at', Date.now() - 401 * 24 * 3600_000)
  expect((await audit.verify()).faults).toEqual([])
})

it('a chain that was made without our keys is not believed', async () => {
  const { auditOf, first, second } = auditFixture()
  await auditOf(second).append(entry)
  expect((await auditOf(first).verify()).faults).toEqual([
    { seq: 1, what: expect.stringContaining('no MAC fits') as string },
  ])
})

it('after a rotation of the keys a later entry proves those before it', async () => {
  const { auditOf, first, second } = auditFixture()
  await auditOf(first).append(entry)
  expect((await auditOf(second, first).verify()).faults).toEqual([])
  await auditOf(second, first).append(entry)
  expect(await auditOf(second).verify()).toMatchObject({ entries: 2, faults: [] })
})

it('a note that cannot be written is told', async () => {
  const { redis, keys, first } = auditFixture()
  const told = new Promise<Error>((resolve) => {
    createAudit({ redis, keys, encryptionKeys: [first], keptDays: 1, onError: resolve }).note(entry)
    redis.disconnect()
  })
  expect(await told).toBeInstanceOf(Error)
})
