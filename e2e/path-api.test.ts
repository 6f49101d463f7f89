/**
 * kill -9 of the API at each numbered step of the path (docs/reliability.md). A link between it and Redis cuts it off right after the command
 * of the step, the fact is looked up in Redis past the link, then it is killed.
 */
import {
  eventually,
  freePort,
  openRedisLink,
  sharedRedisUrl,
  type CommandMatch,
  type RedisCommand,
} from '@relais/testing'
import { describe, it, type TestContext } from 'vitest'
import { accepts, adds, admits, keyOf, moves, notesWebhook } from './commands.ts'
import { openLook, type Look } from './look.ts'
import { isUp, sendsOf, sharedSystem, startSystem, type System } from './system.ts'

const person = '+221771234567'
const withoutWhatsApp = '+221771230026'

/** Asks an API for a message to this person, with an idempotency key. */
function ask({ secrets }: System, apiUrl: string, to: string): Promise<Response> {
  return fetch(`${apiUrl}/api/messages`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${secrets.apiKey}`,
      'content-type': 'application/json',
      'idempotency-key': to,
    },
    body: JSON.stringify({ to, type: 'otp', code: '482913' }),
  })
}

/** One more API of a system, behind a link. */
async function startDoomedApi(t: TestContext, system: System) {
  const link = await openRedisLink(sharedRedisUrl())
  t.onTestFinished(() => link.close())
  const port = await freePort()
  const api = system.startApp('api', { REDIS_URL: link.url, PORT: String(port) })
  const url = `http://127.0.0.1:${port}`
  await isUp(api)
  await eventually(
    async () => (await fetch(`${url}/readyz`)).status,
    (status) => status === 200,
  )
  return { link, api, url }
}

/** What a client has of a request whose API dies: no answer, or that of an API that has lost Redis. Never a 202. */
const outcomeOf = (answer: Promise<Response>) =>
  answer.then(
    ({ status }) => status,
    () => 'no answer',
  )
const UNTOLD = ['no answer', 503]

type Acceptance = {
  step: string
  /** The command of the step. */
  at: CommandMatch
  /** Holds once it is done. */
  fact: (look: Look, command: RedisCommand) => Promise<boolean>
  /** Who asks. */
  to: string
  /** What becomes of the message if nobody asks again. */
  alone: 'delivered' | 'never accepted'
}

const acceptances: Acceptance[] = [
  {
    step: '1: the request is let in',
    at: admits,
    fact: (look, command) => look.isThere(keyOf(command, /:idempotency:/)),
    to: '+221771231001',
    alone: 'never accepted',
  },
  {
    step: '2 to 4: it has its record, its place in the order and its job',
    at: accepts,
    fact: async (look, command) => {
      const [id = ''] = /msg_.*/.exec(keyOf(command, /:message:msg_/)) ?? []
      return (await look.field(id, 'status')) !== null && look.hasJob(id)
    },
    to: '+221771231002',
    alone: 'delivered',
  },
]

/** Asks an API that dies at the step. */
async function askInVain(t: TestContext, system: System, { step, at, fact, to }: Acceptance): Promise<Look> {
  const look = openLook(t, system)
  const { link, api, url } = await startDoomedApi(t, system)
  const stopped = link.stopAfter(at)
  const outcome = outcomeOf(ask(system, url, to))
  const command = await stopped
  await eventually(() => fact(look, command), Boolean, { everyMs: 2, what: `step ${step}` })
  await api.kill()
  t.expect(await outcome).toBeOneOf(UNTOLD)
  return look
}

describe.concurrent('the API is killed after step', { timeout: 90_000 }, () => {
  const shared = sharedSystem({ env: { DELIVER_WITHIN_SECONDS: '200' } })
  const sent = (to: string) =>
    shared()
      .simulator.messages()
      .filter((message) => message.to === to)

  it.for(acceptances)('$step, and its client asks again', async (row, t) => {
    const { expect } = t
    const system = shared()
    const look = await askInVain(t, system, row)
    const again = await ask(system, system.apiUrl, row.to)
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([202, 'true'])
    const { id } = (await again.json()) as { id: string }
    await system.reaches(id, ['delivered'], 60_000)
    await look.findsNothingLeft()
    expect(sent(row.to).map(({ callbackData }) => callbackData)).toEqual([id])
  })

  it.for(acceptances)('$step, and its client is never heard of again', async (row, t) => {
    const { expect } = t
    const system = shared()
    const to = row.to.replace('+221771', '+221772')
    const look = await askInVain(t, system, { ...row, to })
    if (row.alone === 'delivered') {
      const [message] = await eventually(
        () => sent(to),
        ({ length }) => length > 0,
        { timeoutMs: 60_000 },
      )
      await system.reaches(message?.callbackData ?? '', ['delivered'])
    } else {
      await system.reaches(await system.send(person, '482913'), ['delivered'])
    }
    await look.findsNothingLeft()
    expect(sent(to)).toHaveLength(row.alone === 'delivered' ? 1 : 0)
  })

  it('5: the client has its 202', async (t) => {
    const system = shared()
    const { api, url } = await startDoomedApi(t, system)
    const answer = await ask(system, url, '+221771231005')
    await api.kill()
    t.expect(answer.status).toBe(202)
    await system.reaches(((await answer.json()) as { id: string }).id, ['delivered'], 60_000)
    t.expect(sent('+221771231005')).toHaveLength(1)
  })

  it.for([
    {
      step: '25: it is noted that a webhook came',
      at: notesWebhook,
      leaves: /:last-receipt$/,
      to: person,
      end: 'delivered',
    },
    {
      step: '25: the receipts of a webhook have moved their messages',
      at: moves('delivered'),
      leaves: /:message:/,
      to: person,
      end: 'delivered',
    },
    {
      step: '26: the rest of a webhook is on the queue',
      at: adds('receipts'),
      leaves: /:receipts:id$/,
      to: withoutWhatsApp,
      end: 'fallback',
    },
  ])('$step, and Meta sends it again', async ({ at, leaves, to, end }, t) => {
    const { expect } = t
    const link = await openRedisLink(sharedRedisUrl())
    t.onTestFinished(() => link.close())
    const system = await startSystem(t, { workers: 0, redisUrl: link.url })
    const look = openLook(t, system)
    const direct = { REDIS_URL: sharedRedisUrl() }
    await isUp(system.startApp('worker', direct))
    const stopped = link.stopAfter(at)
    const id = await system.send(to, '482913')
    const key = keyOf(await stopped, leaves)
    await eventually(() => look.isThere(key), Boolean, { what: key })
    await system.api.kill()
    await isUp(system.startApp('api', direct))
    const { timeline } = await system.reaches(id, [end], 60_000)
    await look.findsNothingLeft(end === 'fallback' ? ':content:' : undefined)
    expect(timeline.filter(({ status }) => status === end)).toHaveLength(1)
    expect(sendsOf(system.simulator, id)).toHaveLength(1)
    expect(system.simulator.webhooks.deliveries().some(({ tries }) => tries > 1)).toBe(true)
  })

  it.for([
    { step: '33: the message is canceled', method: 'DELETE', path: '', to: 'canceled' },
    { step: '34: its code was used', method: 'POST', path: '/used', to: 'used' },
  ])('$step, and its app says so again', async ({ method, path, to }, t) => {
    const { expect } = t
    const system = await startSystem(t, { workers: 0 })
    const look = openLook(t, system)
    const id = await system.send(person, '482913')
    const headers = { authorization: `Bearer ${system.secrets.apiKey}` }
    const say = (url: string) => fetch(`${url}/api/messages/${id}${path}`, { method, headers })
    const { link, api, url } = await startDoomedApi(t, system)
    const stopped = link.stopAfter(moves(to))
    const outcome = outcomeOf(say(url))
    await stopped
    const status = () => look.field(id, 'status')
    await eventually(status, (now) => now === to, { everyMs: 2, what: `a ${to} message` })
    await api.kill()
    expect(await outcome).toBeOneOf(UNTOLD)
    expect((await say(system.apiUrl)).status).toBe(200)
    system.startApp('worker')
    await look.findsNothingLeft()
    expect(await status()).toBe(to)
    expect(sendsOf(system.simulator, id)).toHaveLength(0)
  })
})
