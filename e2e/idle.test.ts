/** A system with nothing to do. */
import { eventually, startRedis } from '@relais/testing'
import { Redis } from 'ioredis'
import { expect, it, onTestFinished } from 'vitest'
import { startSystem } from './system.ts'

/** Each process asks for the time once in five seconds: two processes, three times. */
const TIMES = 6

it('asks Redis for little', { timeout: 90_000 }, async (t) => {
  const server = await startRedis()
  onTestFinished(() => server.stop())
  const redis = new Redis(server.url)
  t.onTestFinished(async () => redis.disconnect())
  await redis.ping()
  // Begun while nobody says anything: what would come in one piece with the answer its client cannot read.
  const monitor = await redis.monitor()
  t.onTestFinished(async () => monitor.disconnect())
  await startSystem(t, { redisUrl: server.url })
  const commands: { name: string; at: number }[] = []
  monitor.on('monitor', (at: string, [name = '']: string[], source: string) => {
    // What a script does is part of its command.
    if (source !== 'lua') commands.push({ name: name.toLowerCase(), at: Number(at) })
  })
  const times = () => commands.filter(({ name }) => name === 'time')
  await eventually(times, ({ length }) => length > TIMES, { timeoutMs: 60_000, what: 'the time of Redis' })
  const [first, last] = [times().at(0)?.at ?? 0, times().at(-1)?.at ?? 0]
  const between = commands.filter(({ at }) => at > first && at <= last)
  expect(between.length / (last - first)).toBeLessThan(15)
})
