/** Operators are told, with real processes: what they are told, by whom, and what becomes of it when a process dies. */
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  eventually,
  freePort,
  startReceiver,
  startRedis,
  type NodeProcess,
  type Receiver,
} from '@relais/testing'
import { Redis } from 'ioredis'
import { describe, it, type TestContext } from 'vitest'
import { runTool } from './operator-tool.ts'
import { isUp, recipients, startSystem, type System, type SystemOptions } from './system.ts'

const SECRET = `whsec_${randomBytes(32).toString('base64')}`
const PATH = `/hook-${randomBytes(12).toString('hex')}`

type Body = { type: string; id: string; alert?: { id: string; severity: string }; to?: string }

/** A system whose alerts go to a receiver, with an API that looks often. */
async function setup(t: TestContext, { env, ...options }: SystemOptions = {}) {
  const receiver = await startReceiver()
  t.onTestFinished(() => receiver.close())
  const system = await startSystem(t, {
    ...options,
    env: {
      ALERT_WEBHOOK_URL: receiver.url + PATH,
      ALERT_WEBHOOK_SECRET: SECRET,
      ALERT_FIRE_AFTER_SECONDS: '1',
      ALERT_CLEAR_AFTER_SECONDS: '1',
      LOG_LEVEL: 'debug',
      ...env,
    },
  })
  return { receiver, system }
}

const bodiesOf = (receiver: Receiver) => receiver.received().map(({ body }) => JSON.parse(body) as Body)

/** Waits until one of these was posted, and gives all that was. */
function posted(receiver: Receiver, is: (body: Body) => boolean, what: string): Promise<Body[]> {
  return eventually(
    () => bodiesOf(receiver),
    (bodies) => bodies.some(is),
    { timeoutMs: 40_000, everyMs: 100, what },
  )
}

const isFiring = ({ type, alert }: Body) => type === 'alert.firing' && alert?.id === 'token_dead'
const isOver = ({ type, alert }: Body) => type === 'alert.over' && alert?.id === 'token_dead'

/** Meta takes the token no more, and a message finds out. */
async function die(system: System): Promise<void> {
  system.simulator.revokeToken(system.secrets.accessToken)
  await system.send('+221771234567', '482913')
}

describe.concurrent('operators', { timeout: 300_000 }, () => {
  it('are told when the token dies, and when another is brought; nothing secret is written anywhere', async (t) => {
    const { receiver, system } = await setup(t)
    await eventually(
      () => system.operate('GET', '/api/admin/alerts'),
      ({ body }) => body['mode'] === 'connected',
      { timeoutMs: 40_000, what: 'a mode that is known' },
    )
    await die(system)
    await posted(receiver, isFiring, 'the alert')
    await posted(receiver, ({ type, to }) => type === 'mode.changed' && to === 'fallback', 'the mode')
    const tool = { ...system.env, RELAIS_URL: system.apiUrl, RELAIS_OPS_KEY: system.secrets.opsKey }
    const listed = await runTool(['alerts'], tool)
    t.expect(listed.output).toMatch(/^critical {2}token_dead/m)
    const accessToken = system.simulator.issueToken()
    await system.operate('POST', '/api/wallet/update-whatsapp-token', { accessToken })
    const bodies = await posted(receiver, isOver, 'its end')
    t.expect(bodies.filter(isFiring)).toHaveLength(1)
    t.expect((await runTool(['alerts', 'test'], tool)).output).toContain('took the test (204)')

    const written = [...system.output(), JSON.stringify(receiver.received().map(({ body }) => body))].join(
      '\n',
    )
    t.expect(written).toContain('alert.delivered')
    for (const secret of [PATH, SECRET.slice('whsec_'.length), accessToken, ...Object.values(system.secrets)])
      t.expect(written).not.toContain(secret)
  })

  it('are told once by another API, under the same id, when the one that decided it is killed before it was taken', async (t) => {
    const { receiver, system } = await setup(t)
    const port = await freePort()
    const other = system.startApp('api', { PORT: String(port) })
    await isUp(other)
    receiver.answer('hangs')
    await die(system)
    const [decided] = (await posted(receiver, isFiring, 'the alert')).filter(isFiring)
    const leads = (api: NodeProcess) => api.jsonLines().some(({ event }) => event === 'alert.firing')
    const leader = leads(system.api) ? system.api : other
    t.expect([system.api, other].filter(leads)).toEqual([leader])
    await leader.kill()
    const before = receiver.received().length
    receiver.answer(204)
    await eventually(
      () => bodiesOf(receiver).slice(before).filter(isFiring),
      ({ length }) => length > 0,
      { timeoutMs: 60_000, everyMs: 100, what: 'the same from the other' },
    )
    const left = leader === other ? system.apiUrl : `http://127.0.0.1:${port}`
    const updated = await fetch(`${left}/api/wallet/update-whatsapp-token`, {
      method: 'POST',
      headers: { authorization: `Bearer ${system.secrets.opsKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ accessToken: system.simulator.issueToken() }),
    })
    t.expect(updated.status).toBe(200)
    const all = await posted(receiver, isOver, 'its end')
    t.expect(new Set(all.filter(isFiring).map(({ id }) => id))).toEqual(new Set([decided?.id]))
    t.expect(system.events('alert.firing').filter(({ alert }) => alert === 'token_dead')).toHaveLength(1)
  })

  it('are told of each cause while it lasts, and when it is over', async (t) => {
    const server = await startRedis()
    t.onTestFinished(() => server.stop())
    const redis = new Redis(server.url)
    t.onTestFinished(async () => redis.disconnect())
    const folder = await mkdtemp(join(tmpdir(), 'relais-alerts-'))
    t.onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const [logFolder, awayFolder] = [join(folder, 'log'), join(folder, 'away')]
    await mkdir(logFolder)
    const { receiver, system } = await setup(t, {
      redisUrl: server.url,
      env: { FALLBACK_LOG: join(logFolder, 'fallback.log'), PUMPING_GUARD: 'off' },
    })
    const { simulator } = system
    const [template] = simulator.templates.all()
    const play = (status: 'PAUSED' | 'APPROVED') => simulator.templates.update(template?.id ?? '', { status })
    const numbers = recipients(2000)
    const send = () => system.post({ to: numbers.pop() ?? '', type: 'otp', code: '482913' })
    const renew = () => system.operate('POST', '/api/wallet/refresh-whatsapp-token')

    /** What is wrong, how it comes about, and how it ends. Messages are sent all the while: some find out what is wrong, some that it is over. */
    const causes: [name: string, begin: () => unknown, end: () => unknown][] = [
      ['renewal_failing', () => fail('exchange').then(renew), () => mend().then(renew)],
      ['template_paused', () => play('PAUSED'), () => play('APPROVED')],
      [
        'sender_paused',
        () => simulator.account.update({ business: { standing: 'locked' } }),
        () => simulator.account.update({ business: { standing: 'good' } }),
      ],
      ['fallback_stuck', () => rename(logFolder, awayFolder), () => rename(awayFolder, logFolder)],
      ['provider_unreachable', () => fail('any'), mend],
      ['worker_missing', () => system.workers[0]?.freeze(), () => system.workers[0]?.thaw()],
      ['redis_full', fill, () => redis.config('SET', 'maxmemory', '0')],
    ]
    for (const [name, begin, end] of causes) {
      await begin()
      await told('alert.firing', name)
      await end()
      await told('alert.over', name)
    }

    async function told(type: string, name: string): Promise<void> {
      await eventually(
        async () => {
          // A number without WhatsApp: there is something to be written down for it.
          await Promise.all([send(), system.post({ to: '+221771230026', type: 'otp', code: '482913' })])
          return bodiesOf(receiver)
        },
        (bodies) => bodies.some((body) => body.type === type && body.alert?.id === name),
        { timeoutMs: 90_000, everyMs: 500, what: `${type} of ${name}` },
      )
    }

    async function fail(on: 'exchange' | 'any'): Promise<void> {
      simulator.injectFaults(
        on === 'any'
          ? [{ kind: 'reset', accepted: false, on, forSeconds: 3600 }]
          : [{ kind: 'error', code: 2, on, forSeconds: 3600 }],
      )
    }

    async function mend(): Promise<void> {
      simulator.clearFaults()
    }

    async function fill(): Promise<void> {
      const used = Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1])
      await redis.config('SET', 'maxmemory', String(Math.round(used / 0.9)))
    }
  })
})
