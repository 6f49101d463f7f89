/** Operators are told, with real processes: what they are told, by whom, and what becomes of it when a process dies. */
import { randomBytes } from 'node:crypto'
import { eventually, freePort, startReceiver, type NodeProcess, type Receiver } from '@relais/testing'
import { describe, it, type TestContext } from 'vitest'
import { runTool } from './operator-tool.ts'
import { isUp, startSystem, type System } from './system.ts'

const SECRET = `whsec_${randomBytes(32).toString('base64')}`
const PATH = `/hook-${randomBytes(12).toString('hex')}`

type Body = { type: string; id: string; alert?: { id: string; severity: string }; to?: string }

/** A system whose alerts go to a receiver, with an API that looks often. */
async function setup(t: TestContext, env: Record<string, string> = {}) {
  const receiver = await startReceiver()
  t.onTestFinished(() => receiver.close())
  const system = await startSystem(t, {
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

describe.concurrent('operators', { timeout: 120_000 }, () => {
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
})
