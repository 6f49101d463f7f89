/** What a message waited for stands in its timeline: that is all that tells afterwards where its time went. */
import { Secret, WAITS_FOR, type Outcome } from '@relais/core'
import { expect, it } from 'vitest'
import { workerFixture } from './worker-fixture.ts'

const unsent: Outcome = { kind: 'unsent', detail: 'no connection within 5000 ms' }

type Fixture = Awaited<ReturnType<typeof workerFixture>>

const waitsIn = async ({ store }: Pick<Fixture, 'store'>, id: string) => {
  const said = (await store.read(id))?.timeline.map(({ detail }) => detail) ?? []
  return said.filter((detail) => (Object.values(WAITS_FOR) as unknown[]).includes(detail))
}

/** Meta does not answer: ten sends in a row found that out. */
async function breakTheWay({ accept, deliver, meta }: Fixture): Promise<void> {
  meta.answers.push(...Array.from({ length: 10 }, () => unsent))
  for (let i = 0; i < 10; i += 1) await deliver(await accept({ to: `+22177123${String(5000 + i)}` }))
}

it('a wait for an access token is told once, however often the message comes back', async () => {
  const fixture = await workerFixture({ token: null })
  const { accept, deliver, vault, meta, store } = fixture
  const id = await accept()
  for (let i = 0; i < 3; i += 1) expect(await deliver(id)).toMatchObject({ kind: 'later' })
  expect(await waitsIn(fixture, id)).toEqual([WAITS_FOR.token])
  expect(meta.sends).toEqual([])
  await vault.bootstrap({
    accessToken: new Secret('EAAtoken'),
    source: 'env',
    obtainedAt: Date.now(),
    expiresAt: null,
  })
  expect(await fixture.newDeliver()(id)).toEqual({ kind: 'done' })
  expect(meta.sends).toHaveLength(1)
  expect((await store.read(id))?.timeline.map(({ status }) => status)).toEqual([
    'queued',
    'queued',
    'sending',
    'sent',
  ])
})

it('a wait for its recipient is told once for each stay in the queue', async () => {
  const fixture = await workerFixture()
  const { accept, deliver, meta, clock } = fixture
  const refused: Outcome = { kind: 'failed', failure: 'rate-limited-pair', detail: '131056 Pair rate limit' }
  meta.answers.push(refused, refused)
  const id = await accept({ expiresAt: Date.now() + 900_000 })
  expect(await deliver(id)).toMatchObject({ kind: 'later' })
  // Refused by Meta: that is said, and how long it waits; then it is our own account that keeps it waiting.
  expect(await waitsIn(fixture, id)).toEqual([])
  for (let i = 0; i < 2; i += 1) expect(await deliver(id)).toMatchObject({ kind: 'later' })
  expect(await waitsIn(fixture, id)).toEqual([WAITS_FOR.pair])
  clock.aheadMs += 60_000
  expect(await deliver(id)).toMatchObject({ kind: 'later' })
  expect(meta.sends).toHaveLength(2)
  expect(await deliver(id)).toMatchObject({ kind: 'later' })
  expect(await waitsIn(fixture, id)).toEqual([WAITS_FOR.pair, WAITS_FOR.pair])
  expect(meta.sends).toHaveLength(2)
})

it('a wait for Meta to answer is told', async () => {
  const fixture = await workerFixture()
  const { accept, deliver, breaker } = fixture
  await breakTheWay(fixture)
  expect(breaker.isOpen()).toBe(true)
  const id = await accept({ expiresAt: Date.now() + 120_000, deliverWithinSeconds: 1 })
  await deliver(id)
  expect(await waitsIn(fixture, id)).toEqual([WAITS_FOR.outage])
})

it("a wait for the sender's pace is told where no slot is near", async () => {
  const fixture = await workerFixture({ ratePerSecond: 0.1 })
  const { accept, deliver, meta } = fixture
  expect(await deliver(await accept())).toEqual({ kind: 'done' })
  const id = await accept({ to: '+221771234568' })
  for (let i = 0; i < 2; i += 1) expect(await deliver(id)).toMatchObject({ kind: 'later' })
  expect(await waitsIn(fixture, id)).toEqual([WAITS_FOR.pace])
  expect(meta.sends).toHaveLength(1)
})

it('a message that nothing keeps waiting has no line more than its way', async () => {
  const { accept, deliver, store } = await workerFixture({ ratePerSecond: 80 })
  const ids = await Promise.all(
    Array.from({ length: 5 }, (_, i) => accept({ to: `+22177123${String(6000 + i)}` })),
  )
  await Promise.all(ids.map((id) => deliver(id)))
  for (const id of ids) {
    expect((await store.read(id))?.timeline.map(({ status }) => status)).toEqual([
      'queued',
      'sending',
      'sent',
    ])
  }
})

it('an uncertain message is looked at as soon, and as often, as without a word of its waits', async () => {
  const fixture = await workerFixture({ token: null })
  const { accept, deliver, store, clock } = fixture
  const id = await accept()
  await store.move(id, { to: 'sending', set: { claims: 1, attempts: 1 } })
  await store.move(id, { to: 'uncertain' })
  clock.aheadMs += 9000
  expect(await deliver(id)).toMatchObject({ kind: 'later' })
  expect(await waitsIn(fixture, id)).toEqual([])
})

it('nothing is told of one that has ended or goes to the fallback', async () => {
  const { accept, store } = await workerFixture()
  const falling = await accept()
  await store.decideFallback(falling, { reason: 'rate_limited', detail: 'why' })
  const canceled = await accept()
  await store.move(canceled, { to: 'canceled' })
  expect(await store.noteWait(falling, 'token')).toBe(false)
  expect(await store.noteWait(canceled, 'token')).toBe(false)
  expect(await store.noteWait('msg_none', 'token')).toBe(false)
  const waiting = await accept()
  expect(await store.noteWait(waiting, 'token')).toBe(true)
  expect(await store.noteWait(waiting, 'token')).toBe(false)
  expect(await store.noteWait(waiting, 'outage')).toBe(true)
})

it("a refusal is told with what it was taken for, and with the trace by which Meta's support finds it", async () => {
  const { accept, deliver, recordReceipt, store, meta } = await workerFixture()
  const detail = '131016 Service unavailable'
  const failure = 'transient' as const
  meta.answers.push({ kind: 'failed', failure, detail, graphCode: 131016, fbtraceId: 'A'.repeat(500) })
  const id = await accept()
  await deliver(id)
  expect((await store.read(id))?.timeline.at(-1)?.detail).toBe(
    `${detail} (transient) (fbtrace_id ${'A'.repeat(64)}); next try in 1000 ms`,
  )
  await deliver(id)
  const failed = { providerMessageId: 'wamid.1', messageId: id, status: 'failed' as const, at: Date.now() }
  await recordReceipt({ ...failed, graphCode: 131026, title: 'Message Undeliverable', fbtraceId: 'Az1' })
  expect((await store.read(id))?.reasonDetail).toMatch(
    /^receipt: 131026 .* \(permanent-recipient\) \(fbtrace_id Az1\)$/,
  )
})
