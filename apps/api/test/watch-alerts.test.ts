/** The alerts of one or two APIs on a real Redis, with a receiver that listens. What becomes of them when processes die is in `e2e/alerts.test.ts`. */
import { randomBytes } from 'node:crypto'
import {
  alertTimes,
  createAlertStore,
  createKeys,
  createPostNotification,
  openRedis,
  Secret,
  signedHeaders,
  type Finding,
  type Mode,
} from '@relais/core'
import { eventually, sharedRedisUrl, startReceiver, uniquePrefix, type Received } from '@relais/testing'
import { Webhook } from 'standardwebhooks'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createWatchAlerts } from '../src/watch-alerts.ts'

const newSecret = () => `whsec_${randomBytes(32).toString('base64')}`

const dead: Finding = {
  id: 'token_dead',
  severity: 'critical',
  what: 'The access token is dead.',
  remedy: 'Bring another.',
}
const slow: Finding = { id: 'provider_slow', severity: 'warning', what: 'Meta is slow.', remedy: 'Wait.' }

type Body = { type: string; id: string; alert?: { id: string }; from?: Mode; to?: Mode; mode?: Mode }

/** What is wrong is in `now`, for every watch alike. */
async function setup(options: { isPosted?: boolean; secrets?: string[]; fireAfterSeconds?: number } = {}) {
  const { isPosted = true, secrets = [newSecret()], fireAfterSeconds = 0 } = options
  const receiver = await startReceiver()
  onTestFinished(() => receiver.close())
  const keys = createKeys(uniquePrefix())
  const now: { mode: Mode; findings: Finding[] } = { mode: 'connected', findings: [] }
  const told: string[] = []
  const failed: { why: string; isGivenUp: boolean }[] = []

  /** One API. */
  const newWatch = (look = async () => ({ ...now })) => {
    const redis = openRedis({ kind: 'single', url: sharedRedisUrl() }, 'patient', () => undefined)
    const counts = { looks: 0 }
    const watch = createWatchAlerts({
      store: createAlertStore({ redis, keys }),
      look() {
        counts.looks += 1
        return look()
      },
      post: isPosted
        ? createPostNotification({
            url: new Secret(`${receiver.url}/hook`),
            secrets: secrets.map((secret) => new Secret(secret)),
            withinMs: 1000,
          })
        : undefined,
      times: alertTimes({ fireAfterSeconds, clearAfterSeconds: 0 }),
      installation: 'relais',
      events: {
        alertFiring: ({ id }) => void told.push(`firing ${id}`),
        alertOver: ({ id }) => void told.push(`over ${id}`),
        modeChanged: ({ from, to }) => void told.push(`${from} to ${to}`),
        alertDelivered: () => undefined,
        alertUndelivered: (_notification, { why, nextInMs }) =>
          void failed.push({ why, isGivenUp: nextInMs === undefined }),
      },
      onError: () => undefined,
    })
    onTestFinished(async () => {
      await watch.close()
      redis.disconnect()
    })
    watch.start()
    return { watch, redis, counts }
  }

  const bodies = () => receiver.received().map(({ body }) => JSON.parse(body) as Body)
  return {
    receiver,
    keys,
    now,
    told,
    failed,
    secrets,
    newWatch,
    bodies,
    /** Waits for so many requests. */
    posted: (count: number) =>
      eventually(bodies, ({ length }) => length >= count, { what: `${count} notifications` }),
  }
}

const wordsOf = (bodies: Body[]) =>
  bodies.map(({ type, alert, from, to }) => (alert ? `${type} ${alert.id}` : `${type} ${from} ${to}`))

function verified({ headers, body }: Received, secret: string): unknown {
  return new Webhook(secret).verify(body, headers as Record<string, string>)
}

describe('what is wrong', () => {
  it('is posted when it begins and when it is over, signed for any library of Standard Webhooks', async () => {
    const { receiver, now, newWatch, posted, secrets, told } = await setup()
    newWatch()
    now.findings = [dead]
    await posted(1)
    now.findings = []
    await posted(2)
    const [first, second] = receiver.received().map((each) => verified(each, secrets[0] ?? ''))
    expect(first).toEqual({
      type: 'alert.firing',
      id: receiver.received()[0]?.headers['webhook-id'],
      at: expect.stringMatching(/Z$/),
      installation: 'relais',
      mode: 'connected',
      alert: {
        ...dead,
        since: expect.stringMatching(/Z$/),
        runbook: 'docs/runbook.md#token-dead',
      },
    })
    expect(second).toMatchObject({ type: 'alert.over', alert: { id: 'token_dead' } })
    expect(receiver.received()[0]?.headers).toMatchObject({ 'user-agent': 'relais' })
    expect(told).toEqual(['firing token_dead', 'over token_dead'])
  })

  it('is told once, however many APIs look', async () => {
    const { now, newWatch, posted, bodies, told } = await setup()
    const watches = [newWatch(), newWatch(), newWatch()]
    now.findings = [dead]
    await posted(1)
    now.findings = [slow]
    await posted(3)
    now.findings = []
    await posted(4)
    expect(wordsOf(bodies()).toSorted()).toEqual([
      'alert.firing provider_slow',
      'alert.firing token_dead',
      'alert.over provider_slow',
      'alert.over token_dead',
    ])
    expect(told).toHaveLength(4)
    expect(watches.filter(({ counts }) => counts.looks > 0)).toHaveLength(1)
  })

  it('goes on to be watched by another API when one stops', async () => {
    const { now, newWatch, posted, bodies } = await setup()
    const first = newWatch()
    now.findings = [dead]
    await posted(1)
    const second = newWatch()
    await first.watch.close()
    await eventually(
      () => second.counts.looks,
      (looks) => looks > 1,
      { what: 'the looks of the other' },
    )
    now.findings = []
    await posted(2)
    expect(wordsOf(bodies())).toEqual(['alert.firing token_dead', 'alert.over token_dead'])
  })

  it('is only logged, and queued for nobody, where there is nobody to tell', async () => {
    const { now, newWatch, told, keys } = await setup({ isPosted: false })
    const { redis, watch } = newWatch()
    now.findings = [dead]
    await eventually(
      () => told,
      ({ length }) => length > 0,
    )
    expect(await watch.list()).toMatchObject({
      mode: 'connected',
      firing: [{ finding: dead }],
      undelivered: 0,
      isPosted: false,
    })
    expect(Object.keys(await redis.hgetall(keys.alerts())).toSorted()).toEqual([
      'alert token_dead',
      'mode',
      'revision',
    ])
    expect(await redis.pttl(keys.alerts())).toBeGreaterThan(0)
    expect(await watch.test()).toBeUndefined()
  })

  it('changes nothing in Redis while it stays as it is', async () => {
    const { now, newWatch, keys, told } = await setup()
    const { redis, counts } = newWatch()
    now.findings = [dead]
    await eventually(
      () => told,
      ({ length }) => length > 0,
    )
    const settled = await eventually(
      () => redis.hgetall(keys.alerts()),
      (held) => !Object.keys(held).some((field) => field.startsWith('notification ')),
    )
    const looks = counts.looks
    await eventually(
      () => counts.looks,
      (count) => count > looks + 2,
    )
    expect(await redis.hgetall(keys.alerts())).toEqual(settled)
  })
})

describe('the mode', () => {
  it('is posted when it changes, with why', async () => {
    const { now, newWatch, posted, bodies } = await setup()
    const { watch } = newWatch()
    await eventually(
      () => watch.list(),
      ({ mode }) => mode === 'connected',
    )
    now.mode = 'fallback'
    await posted(1)
    expect(bodies()[0]).toMatchObject({
      type: 'mode.changed',
      from: 'connected',
      to: 'fallback',
      mode: 'fallback',
      why: expect.stringContaining('codes go to the fallback'),
    })
  })
})

describe('a receiver', () => {
  it('that was down gets all of it in order, each under the id it was posted with first', async () => {
    const { receiver, now, newWatch, posted, bodies, failed, told } = await setup()
    receiver.answer(503)
    newWatch()
    now.findings = [dead]
    await posted(2)
    now.findings = []
    await eventually(
      () => told,
      ({ length }) => length === 2,
    )
    receiver.answer(200)
    const all = await eventually(bodies, (each) => each.at(-1)?.type === 'alert.over', { what: 'the end' })
    const firing = all.filter(({ type }) => type === 'alert.firing')
    expect(firing.length).toBeGreaterThanOrEqual(2)
    expect(new Set(firing.map(({ id }) => id)).size).toBe(1)
    expect(all.slice(0, -1)).toEqual(firing)
    expect(failed[0]).toEqual({ why: 'HTTP 503', isGivenUp: false })
  })

  it('that hangs holds up no look', async () => {
    const { receiver, now, newWatch, posted, failed } = await setup()
    receiver.answer('hangs')
    const { counts } = newWatch()
    now.findings = [dead]
    await posted(1)
    const looks = counts.looks
    await eventually(
      () => counts.looks,
      (count) => count > looks,
    )
    const [first] = await eventually(
      () => failed,
      ({ length }) => length > 0,
    )
    expect(first).toEqual({ why: 'no answer within 1 s', isGivenUp: false })
  })

  it('that is gone for good is not asked again with the same', async () => {
    const { receiver, now, newWatch, posted, failed, bodies } = await setup()
    receiver.answer(410)
    newWatch()
    now.findings = [dead]
    await eventually(
      () => failed,
      ({ length }) => length > 0,
    )
    expect(failed).toEqual([{ why: 'HTTP 410', isGivenUp: true }])
    receiver.answer(204)
    now.findings = []
    await posted(2)
    expect(wordsOf(bodies())).toEqual(['alert.firing token_dead', 'alert.over token_dead'])
  })

  it('that sends us elsewhere is not followed', async () => {
    const { receiver, now, newWatch, failed } = await setup()
    receiver.answer(307, { location: `${receiver.url}/elsewhere` })
    newWatch()
    now.findings = [dead]
    await eventually(
      () => failed,
      ({ length }) => length > 0,
    )
    expect(failed[0]?.why).toBe('HTTP 307')
    expect(receiver.received().filter(({ path }) => path !== '/hook')).toEqual([])
  })

  it('gets a test when an operator asks for one, with its answer for him', async () => {
    const { receiver, newWatch, secrets } = await setup()
    const { watch } = newWatch()
    expect(await watch.test()).toEqual({ kind: 'taken', statusCode: 204 })
    const [first] = receiver.received()
    expect(first && verified(first, secrets[0] ?? '')).toMatchObject({ type: 'alert.test' })
    receiver.answer(500)
    expect(await watch.test()).toEqual({ kind: 'refused', statusCode: 500 })
    await receiver.close()
    expect(await watch.test()).toEqual({
      kind: 'unreachable',
      fault: expect.stringMatching(/^(ECONN|UND_ERR)\w+$/),
    })
  })

  it('may know either of two secrets while one replaces the other', async () => {
    const { receiver, newWatch, secrets } = await setup({ secrets: [newSecret(), newSecret()] })
    const { watch } = newWatch()
    await watch.test()
    const [request] = receiver.received()
    if (!request) throw new Error('nothing came')
    for (const secret of secrets) expect(verified(request, secret)).toMatchObject({ type: 'alert.test' })
    expect(() => verified(request, newSecret())).toThrow(/signature/i)
    expect(() => verified({ ...request, body: `${request.body} ` }, secrets[0] ?? '')).toThrow(/signature/i)
  })
})

it('signs byte for byte as the library of Standard Webhooks does', () => {
  const secret = newSecret()
  const body = '{"type":"alert.test","what":"é"}'
  const at = new Date(1_700_000_000_000)
  const ours = signedHeaders([new Secret(secret)], { id: 'alert_1', body, at: at.getTime() })
  expect(ours['webhook-signature']).toBe(new Webhook(secret).sign('alert_1', at, body))
})

describe('a look', () => {
  it('that fails decides nothing', async () => {
    const state = { isBroken: false }
    const { now, newWatch, posted, told } = await setup()
    const { counts } = newWatch(async () => {
      if (state.isBroken) throw new Error('Redis does not answer')
      return { ...now }
    })
    now.findings = [dead]
    await posted(1)
    state.isBroken = true
    const looks = counts.looks
    await eventually(
      () => counts.looks,
      (count) => count > looks + 1,
    )
    expect(told).toEqual(['firing token_dead'])
  })

  it('that fails leaves the next to another API', async () => {
    const { now, newWatch, posted } = await setup()
    const broken = newWatch(() => Promise.reject(new Error('this one sees nothing')))
    await eventually(
      () => broken.counts.looks,
      (count) => count > 0,
    )
    const { counts } = newWatch()
    now.findings = [dead]
    await posted(1)
    expect(counts.looks).toBeGreaterThan(0)
  })

  it('that ends when it is the turn of another decides nothing', async () => {
    const { keys } = await setup()
    const redis = openRedis({ kind: 'single', url: sharedRedisUrl() }, 'patient', () => undefined)
    onTestFinished(() => redis.disconnect())
    const store = createAlertStore({ redis, keys })
    const change = { mode: { told: 'connected' as const }, alerts: new Map(), notifications: [] }
    expect(await store.takeTurn('one', 60_000)).toBe(true)
    expect(await store.takeTurn('other', 60_000)).toBe(false)
    expect(await store.change('other', () => change)).toBeUndefined()
    expect(await store.change('one', () => change)).toBe(change)
    await store.leaveTurn('other')
    expect(await store.takeTurn('other', 60_000)).toBe(false)
    await store.leaveTurn('one')
    expect(await store.takeTurn('other', 60_000)).toBe(true)
  })

  it('and a delivery at the same moment both count', async () => {
    const { keys } = await setup()
    const redis = openRedis({ kind: 'single', url: sharedRedisUrl() }, 'patient', () => undefined)
    onTestFinished(() => redis.disconnect())
    const store = createAlertStore({ redis, keys })
    const add = (name: string) =>
      store.change(undefined, ({ mode, alerts, notifications }) => ({
        mode,
        alerts: new Map([...alerts, [name, { state: 'pending' as const, since: 1, finding: dead }]]),
        notifications,
      }))
    const names = Array.from({ length: 10 }, (_, i) => `alert-${i}`)
    await Promise.all(names.map(add))
    const { alerts, revision } = await store.read()
    expect([...alerts.keys()].toSorted()).toEqual(names)
    expect(revision).toBe(10)
  })
})
