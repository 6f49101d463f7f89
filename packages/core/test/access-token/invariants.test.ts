/**
 * What must hold of the shared token whatever happens, in whatever order. Processes look after the token and send with it; they are
 * stopped before and after every single call to Redis and to Meta, and an arbitrary sequence decides who goes on, who dies there, and
 * what else happens meanwhile: the lease is lost, an operator brings a token, one is revoked, Meta is away, Redis is emptied, time passes.
 */
import { randomBytes } from 'node:crypto'
import {
  createAppCredentials,
  createEnvironmentToken,
  createRenewal,
  createRenewalLease,
  createReview,
  createSealer,
  createSharedToken,
  createTokenVault,
  createUpkeep,
  Secret,
  tokenInUse,
  type RenewalLease,
  type TokenAuthority,
  type TokenRecord,
  type TokenVault,
} from '@relais/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { redisFixture } from '../redis-fixture.ts'
import { appId, HOUR, senderId, unreachable } from './fixture.ts'

const LIFE_MS = HOUR
const PROCESSES = 3

type Action =
  | { kind: 'steps'; process: number; steps: number }
  | { kind: 'crash'; process: number }
  | { kind: 'lose lease' | 'by hand' | 'revoke' | 'meta away' | 'meta back' | 'wipe' }
  | { kind: 'time'; minutes: number }

const someProcess = fc.nat({ max: PROCESSES - 1 })
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 40,
    arbitrary: fc.record({
      kind: fc.constant('steps' as const),
      process: someProcess,
      steps: fc.oneof(fc.constantFrom(1, 2, 3), fc.integer({ min: 4, max: 30 })),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('crash' as const), process: someProcess }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('time' as const), minutes: fc.integer({ min: 1, max: 40 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('lose lease', 'by hand', 'revoke', 'meta away', 'meta back', 'wipe'),
    }),
  },
) as fc.Arbitrary<Action>

/** Meta's side: which token lives, and in which order they were issued. */
function createMeta(now: () => number) {
  const issued = new Map<string, { order: number; expiresAt: number; isRevoked: boolean }>()
  const confirmed = new Set<string>()
  const refused = new Set<string>()
  let isAway = false
  const isLive = (text: string) => {
    const token = issued.get(text)
    return token !== undefined && !token.isRevoked && token.expiresAt > now()
  }
  const issue = () => {
    const text = `token-${issued.size}`
    issued.set(text, { order: issued.size, expiresAt: now() + LIFE_MS, isRevoked: false })
    return text
  }
  const authority: TokenAuthority = {
    async exchange(_app, token) {
      if (isAway) return unreachable
      if (isLive(token.reveal()))
        return { kind: 'exchanged', accessToken: new Secret(issue()), expiresInSeconds: LIFE_MS / 1000 }
      return { kind: 'refused', error: { statusCode: 400, graphCode: 190, message: 'dead' } }
    },
    async inspect(_app, token) {
      if (isAway) return unreachable
      if (isLive(token.reveal())) confirmed.add(token.reveal())
      const expiresAt = issued.get(token.reveal())?.expiresAt
      return {
        kind: 'inspected',
        isValid: isLive(token.reveal()),
        appId,
        ...(expiresAt !== undefined && { expiresAt, issuedAt: expiresAt - LIFE_MS }),
      }
    },
    phoneNumber: () => Promise.reject(new Error('there is an app secret to ask with')),
  }
  return {
    authority,
    issue,
    isLive,
    confirmed,
    refused,
    orderOf: (text: string) => issued.get(text)?.order ?? -1,
    setAway: (away: boolean) => (isAway = away),
    isAway: () => isAway,
    revoke: (text: string) => {
      const token = issued.get(text)
      if (token) token.isRevoked = true
    },
    send(text: string): 'taken' | 'refused' {
      if (isLive(text)) return 'taken'
      refused.add(text)
      return 'refused'
    },
  }
}

/** A fault put into the vault or the lease on purpose. */
type Mutant = {
  vault?: (vault: TokenVault) => TokenVault
  lease?: Pick<RenewalLease, 'hold' | 'isClosed'>
}

async function run(actions: readonly Action[], redisOf: ReturnType<typeof redisFixture>, mutant: Mutant) {
  const { redis } = redisOf
  const keys = { ...redisOf.keys }
  const recordKey = keys.accessToken(senderId)
  const leaseKey = keys.renewalLease(senderId)
  await redis.del(recordKey, leaseKey)
  const startedAt = Date.now()
  const clock = { aheadMs: 0 }
  const now = () => startedAt + clock.aheadMs
  const meta = createMeta(now)
  const sealer = createSealer([{ id: 'k1', key: new Secret(randomBytes(32).toString('base64')) }])
  const app = createAppCredentials({ appId, appSecret: new Secret('app secret') })
  const judge = createTokenVault({ redis, keys, sealer, senderId })
  const environment = new Secret(meta.issue())
  meta.confirmed.add(environment.reveal())
  const faults: string[] = []
  const seen = { generation: '', version: 0, newest: -1, wiped: false }
  /** Exchanges in flight, by process: does it still hold the lease it began under? */
  const underLease = new Map<number, boolean>()
  let leasesLost = 0
  /** The last token by hand, as long as Redis keeps it. */
  let byHandText = ''

  const processes = Array.from({ length: PROCESSES }, (_, index) => newProcess(index))

  /** A process that waits at each call until it is told to go on, once before and once after the call. */
  function newProcess(index: number) {
    const paused: (() => void)[] = []
    let working: Promise<void> | undefined
    let heldAfter = -1
    /** Calls to Redis and Meta that are under way. */
    let outside = 0
    const pause = () => new Promise<void>((resolve) => void paused.push(resolve))
    const gated = async <T>(call: () => Promise<T>): Promise<T> => {
      await pause()
      outside += 1
      const answer = await call()
      await check()
      outside -= 1
      await pause()
      return answer
    }
    const own = createTokenVault({ redis, keys, sealer, senderId })
    const real = mutant.vault?.(own) ?? own
    const vault = Object.fromEntries(
      Object.entries(real).map(([name, method]) => [
        name,
        (...given: unknown[]) => gated(() => (method as (...all: unknown[]) => Promise<unknown>)(...given)),
      ]),
    ) as TokenVault
    vault.commit = (expected, token, how) =>
      gated(async () => {
        const ownerBefore = await redis.get(leaseKey)
        const isDone = await real.commit(expected, token, how)
        if (isDone && how?.leaseOwner !== undefined && how.leaseOwner !== ownerBefore)
          faults.push('a writer that had lost its lease wrote')
        return isDone
      })
    const authority: TokenAuthority = {
      exchange: (...given) =>
        gated(() => {
          const isHeld = heldAfter === leasesLost
          if (isHeld && [...underLease.values()].includes(true)) faults.push('two exchanges were in flight')
          underLease.set(index, isHeld)
          return meta.authority.exchange(...given)
        }).finally(() => underLease.delete(index)),
      inspect: (...given) => gated(() => meta.authority.inspect(...given)),
      phoneNumber: () => Promise.reject(new Error('there is an app secret to ask with')),
    }
    const common = { vault, authority, app, senderId, now, elapsed: now, renewBeforeMs: undefined }
    const shared = createSharedToken({ ...common, useMarginMs: 0 })
    const bare = mutant.lease ?? createRenewalLease({ redis, keys, senderId, leaseMs: 600_000 })
    const hold: typeof bare.hold = async (use) => {
      await pause()
      outside += 1
      const held = await bare.hold(async (lease) => {
        outside -= 1
        heldAfter = leasesLost
        return use(lease).finally(() => (outside += 1))
      })
      outside -= 1
      await pause()
      return held
    }
    const renewal = createRenewal({
      ...common,
      lease: { ...bare, hold },
      callTimeoutMs: 5000,
      random: () => 0.5,
    })
    const lookAfter = createUpkeep({
      ...common,
      shared,
      renewal,
      environment: createEnvironmentToken({ ...common, accessToken: environment }),
      review: createReview(common),
      onAdopted: () => undefined,
      onRestored: () => undefined,
      onExpiring: () => undefined,
      onUnusable: () => undefined,
    })

    async function work(): Promise<void> {
      await lookAfter()
      await shared.withAccessToken(
        async ({ accessToken }) => meta.send(accessToken.reveal()),
        (answer) => (answer === 'refused' ? '190' : undefined),
      )
    }

    return {
      /** Lets one of its calls go on to the next pause. */
      async step(): Promise<void> {
        working ??= work().finally(() => (working = undefined))
        paused.shift()?.()
        const others = paused.length
        let idleTurns = 0
        while (outside > 0 || (paused.length <= others && working !== undefined && idleTurns < 20)) {
          idleTurns = outside > 0 ? 0 : idleTurns + 1
          await new Promise((resolve) => setImmediate(resolve))
        }
      },

      /** Does a whole round, from its beginning to its end. */
      async round(): Promise<void> {
        do {
          await this.step()
        } while (working)
      },
    }
  }

  /** What must hold of the record at every moment. */
  async function check(): Promise<void> {
    const record = await judge.read()
    if (!record) return
    const isAnew = record.generation !== seen.generation
    // What a process remembers may take the place of a record that was begun anew after a loss.
    const isRestored = record.restoredAt !== undefined && record.version >= seen.version
    if (isAnew && seen.generation !== '' && !seen.wiped && !isRestored)
      faults.push('a record was begun anew over another one')
    if (!isAnew && record.version < seen.version) faults.push('the version went back')
    const newest = meta.orderOf(record.tokens[0]?.accessToken.reveal() ?? '')
    // After a loss the environment's token may come first, and be replaced by what a process remembers.
    if (!isAnew && record.version > seen.version && newest <= seen.newest && newest !== 0)
      faults.push('an older token replaced a newer one')
    if (newest < meta.orderOf(byHandText) && meta.isLive(byHandText))
      faults.push('something older took the place of a token by hand')
    for (const { accessToken, refusedAt, deadAt } of record.tokens) {
      const text = accessToken.reveal()
      if (!meta.confirmed.has(text)) faults.push('a token was stored that Meta had not confirmed')
      if (refusedAt !== undefined && deadAt === undefined && !meta.refused.has(text))
        faults.push('a token was marked that Meta had not refused')
    }
    Object.assign(seen, { generation: record.generation, version: record.version, newest })
    if (isAnew) seen.wiped = false
  }

  function loseLease(): void {
    leasesLost += 1
    for (const index of underLease.keys()) underLease.set(index, false)
  }

  async function byHand(): Promise<void> {
    // Which of two is the newer is known by their moments; no operator brings two in the same one.
    clock.aheadMs += 1
    const text = meta.issue()
    await meta.authority.inspect({ appId, appSecret: new Secret('app secret') }, new Secret(text))
    if (meta.isAway()) return
    const token = { accessToken: new Secret(text), source: 'manual' as const, obtainedAt: now() }
    const facts = { ...token, expiresAt: now() + LIFE_MS }
    const record = await judge.read()
    const extras = { manualAt: now() }
    const isDone = record ? await judge.commit(record, facts, extras) : await judge.bootstrap(facts, extras)
    if (!isDone) faults.push('nobody else was at work, and a token by hand was refused')
    byHandText = text
  }

  async function perform(what: Action): Promise<void> {
    switch (what.kind) {
      case 'steps':
        for (let step = 0; step < what.steps; step += 1) await processes[what.process]?.step()
        return
      case 'crash':
        underLease.delete(what.process)
        processes[what.process] = newProcess(what.process)
        return
      case 'lose lease':
        loseLease()
        await redis.del(leaseKey)
        return
      case 'by hand':
        await byHand()
        loseLease()
        return
      case 'revoke':
        return meta.revoke(tokenInUse(await judge.read(), now(), 0)?.accessToken.reveal() ?? '')
      case 'meta away':
      case 'meta back':
        meta.setAway(what.kind === 'meta away')
        return
      case 'wipe':
        seen.wiped = true
        byHandText = ''
        await redis.del(recordKey)
        return
      case 'time':
        clock.aheadMs += what.minutes * 60_000
        return
    }
  }

  for (const what of actions) {
    await perform(what)
    await check()
    if (faults.length > 0) break
  }
  return { faults, meta, now, judge, environment, clock, redis, leaseKey, processes, perform }
}

/** The long look: RELAIS_PROPERTY_RUNS=2000 tries that many sequences. */
const RUNS = Number(process.env['RELAIS_PROPERTY_RUNS'] ?? 30)

/** One process is stopped at each of its pauses in turn, with a renewal due, and something happens before it goes on. */
const overtaken = (meanwhile: Action[]): [Action[]][] =>
  Array.from({ length: 50 }, (_, pause) => [
    [
      { kind: 'steps', process: 0, steps: 60 },
      { kind: 'time', minutes: 40 },
      { kind: 'steps', process: 0, steps: pause },
      ...meanwhile,
      { kind: 'steps', process: 0, steps: 60 },
    ],
  ])

const examples = [
  ...overtaken([{ kind: 'steps', process: 1, steps: 60 }]),
  ...overtaken([{ kind: 'by hand' }]),
  ...overtaken([{ kind: 'revoke' }, { kind: 'steps', process: 0, steps: 2 }, { kind: 'by hand' }]),
  ...overtaken([{ kind: 'lose lease' }, { kind: 'steps', process: 1, steps: 60 }]),
]

const sequences = fc.array(action, { minLength: 20, maxLength: 120 })

describe('the shared token, whatever happens in whatever order', { timeout: 180_000 + RUNS * 200 }, () => {
  it('keeps its promises, and ends with a live token in use if there is one', async () => {
    const redis = redisFixture()
    await fc.assert(
      fc.asyncProperty(sequences, async (actions) => {
        const end = await run(actions, redis, {})
        expect(end.faults).toEqual([])
        // Peace: Meta is back, what died is gone, its lease ran out, and every process makes some rounds.
        await end.perform({ kind: 'meta back' })
        for (let process = 0; process < PROCESSES; process += 1) await end.perform({ kind: 'crash', process })
        await end.perform({ kind: 'lose lease' })
        for (let minute = 0; minute < 5; minute += 1) {
          await end.perform({ kind: 'time', minutes: 1 })
          await end.processes[minute % 2]?.round()
        }
        expect(end.faults).toEqual([])
        const record = (await end.judge.read()) as TokenRecord
        const candidates = [...record.tokens.map(({ accessToken }) => accessToken), end.environment]
        const live = candidates.map((token) => token.reveal()).filter(end.meta.isLive)
        const inUse = tokenInUse(record, end.now(), 0)?.accessToken.reveal()
        if (live.length > 0) expect(live).toContain(inUse)
        else expect(inUse).toBeUndefined()
      }),
      { numRuns: examples.length / 4 + RUNS, examples: examples.filter((_, i) => i % 4 === 0) },
    )
  })

  it.each<[string, Mutant]>([
    [
      'commits without looking at the lease',
      {
        vault: (vault) => ({
          ...vault,
          commit: async (_expected, token, how = {}) => {
            const { leaseOwner: _owner, ...rest } = how
            const latest = await vault.read()
            return latest ? vault.commit(latest, token, rest) : false
          },
        }),
      },
    ],
    [
      'marks the newest version, whichever was refused',
      {
        vault: (vault) => ({
          ...vault,
          noteRefusal: async (token, at) => {
            const latest = await vault.read()
            return vault.noteRefusal(latest ?? token, at)
          },
        }),
      },
    ],
    [
      'lets everyone hold the lease',
      {
        lease: { hold: (use) => use({ owner: 'an impostor', leftMs: () => 600_000 }), isClosed: () => false },
      },
    ],
    [
      'stores what Meta has not confirmed',
      {
        vault: (vault) => ({
          ...vault,
          commit: (expected, token, how) =>
            vault.commit(expected, { ...token, accessToken: new Secret('unconfirmed') }, how),
        }),
      },
    ],
  ])('an implementation that %s is caught', async (_what, mutant) => {
    const redis = redisFixture()
    const verdict = await fc.check(
      fc.asyncProperty(sequences, async (actions) => (await run(actions, redis, mutant)).faults.length === 0),
      { numRuns: examples.length + 300, examples, endOnFailure: true },
    )
    expect(verdict.failed).toBe(true)
  })
})
