/** A process that does nothing for a while, and then goes on as if nothing had happened. */
import { eventually, freePort, type NodeProcess } from '@relais/testing'
import { Redis } from 'ioredis'
import { describe, it } from 'vitest'
import { isUp, recipients, sendsOf, startSystem, takenBy } from './system.ts'

/** Longer than a lock and two checks (12 s), and than another worker needs to be there. */
const BLOCKED_MS = 20_000

const isStalled = (line: string) => line.includes('"process.stalled"')

describe.concurrent('a worker that does nothing for longer than its locks live', { timeout: 120_000 }, () => {
  it.for([
    { how: 'frozen', hold: (worker: NodeProcess) => worker.freeze() },
    {
      how: 'blocked',
      hold: (worker: NodeProcess) => worker.bring({ kind: 'blocked', ms: BLOCKED_MS }),
    },
  ])('because it is $how, is replaced by another, and then changes nothing', async ({ how, hold }, t) => {
    const { expect } = t
    // One a second, so that messages wait for their slots in its hands.
    const system = await startSystem(t, { workers: 0, env: { SEND_RATE_PER_SECOND: '1' } })
    const worker = system.startApp('worker', {}, { canBeTroubled: how === 'blocked' })
    await isUp(worker)
    const [lostTo, takenTo] = ['+221771234501', '+221771234502']
    system.simulator.injectFaults([
      { to: lostTo, kind: 'stall', ms: 60_000, accepted: false },
      { to: takenTo, kind: 'stall', ms: 60_000, accepted: true },
    ])
    const [lost, taken] = [await system.send(lostTo, '1111'), await system.send(takenTo, '2222')]
    const waiting = await Promise.all(recipients(6).map((to) => system.send(to, '3333')))
    const all = [lost, taken, ...waiting]
    const redis = new Redis(system.env.REDIS_URL)
    t.onTestFinished(() => redis.disconnect())
    await eventually(
      () => redis.llen(`${system.env.QUEUE_PREFIX}:messages:active`),
      (count) => count >= 5 && [lost, taken].every((id) => sendsOf(system.simulator, id).length === 1),
      { everyMs: 5, what: 'two messages in flight, and others in the hands of the worker' },
    )
    hold(worker)

    const other = system.startApp('worker')
    const sentBy = (app: NodeProcess) =>
      app.jsonLines().flatMap(({ event, messageId }) => (event === 'message.sent' ? [messageId] : []))
    await eventually(
      () => sentBy(other),
      (ids) => waiting.some((id) => ids.includes(id)),
      { timeoutMs: 60_000, everyMs: 100, what: 'a message that the other worker took over' },
    )
    if (how === 'frozen') {
      for (const id of all) await system.reaches(id, ['delivered'], 60_000)
      const before = await Promise.all(all.map(system.message))
      worker.thaw()
      await worker.waitForLine(isStalled, 30_000)
      // Asked to stop, it finishes first whatever it believes to have in hand.
      expect(await worker.stop()).toBe(0)
      expect(await Promise.all(all.map(system.message))).toEqual(before)
    } else {
      await worker.waitForLine(isStalled, 60_000)
      for (const id of all) await system.reaches(id, ['delivered'], 60_000)
      expect(await worker.stop()).toBe(0)
    }
    const [told] = worker.jsonLines().filter(({ event }) => event === 'process.stalled')
    expect(told?.['heldMs']).toBeGreaterThan(how === 'frozen' ? 8000 : BLOCKED_MS - 1000)

    expect(waiting.map((id) => sendsOf(system.simulator, id).length)).toEqual(waiting.map(() => 1))
    // The one that Meta did not take is sent again, and the other settled by its receipt.
    expect([lost, taken].map((id) => sendsOf(system.simulator, id).length)).toEqual([2, 1])
    for (const id of all) expect(takenBy(system.simulator, id)).toHaveLength(1)
    expect(system.events('message.possible_duplicate').map(({ messageId }) => messageId)).toEqual([lost])
  })
})

describe('an API that does nothing for a while', { timeout: 90_000 }, () => {
  it.for(['frozen', 'blocked'] as const)(
    'because it is %s, is repeated elsewhere: one message',
    async (how, t) => {
      const { expect } = t
      const system = await startSystem(t)
      const port = await freePort()
      const late = system.startApp('api', { PORT: String(port) }, { canBeTroubled: how === 'blocked' })
      await isUp(late)
      const post = (url: string, timeoutMs: number) =>
        fetch(`${url}/api/messages`, {
          method: 'POST',
          headers: {
            authorization: `Bearer ${system.secrets.apiKey}`,
            'content-type': 'application/json',
            'idempotency-key': 'login-7781',
          },
          body: JSON.stringify({ to: '+221771234567', type: 'otp', code: '482913' }),
          signal: AbortSignal.timeout(timeoutMs),
        })
      const [lateUrl, otherUrl] = [`http://127.0.0.1:${port}`, system.apiUrl]
      if (how === 'frozen') late.freeze()
      else late.bring({ kind: 'blocked', ms: 5000 })
      // The kernel takes the connection and the request all the same.
      await expect(post(lateUrl, 2000)).rejects.toThrow('timeout')
      const answer = await eventually(
        () => post(otherUrl, 10_000),
        ({ status }) => status !== 503,
        { everyMs: 200, what: 'an API that accepts' },
      )
      expect(answer.status).toBe(202)
      const { id } = (await answer.json()) as { id: string }
      await system.reaches(id, ['delivered'])

      if (how === 'frozen') late.thaw()
      await late.waitForLine(isStalled, 30_000)
      // It finds its connection to Redis silent for too long, and opens another.
      const again = await eventually(
        () => post(lateUrl, 10_000),
        ({ status }) => status !== 503,
        { everyMs: 200, what: 'an answer of the late API' },
      )
      expect(again.status).toBe(202)
      expect(again.headers.get('idempotency-replayed')).toBe('true')
      expect(((await again.json()) as { id: string }).id).toBe(id)
      // Whatever it does with the request whose client has gone, it has done it by then.
      expect(await late.stop()).toBe(0)
      expect(system.events('message.accepted')).toHaveLength(1)
      expect(takenBy(system.simulator, id)).toHaveLength(1)
      expect(system.simulator.messages()).toHaveLength(1)
    },
  )
})
