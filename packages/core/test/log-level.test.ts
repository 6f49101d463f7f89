/** The level of the logs of several processes, on a real Redis. */
import { createKeys, createLogLevel, openRedis, type LogLevelState } from '@relais/core'
import { eventually, sharedRedisUrl, uniquePrefix } from '@relais/testing'
import { expect, it, onTestFinished } from 'vitest'

const QUIET = () => undefined

/** Processes that share a Redis, each with a logger of its usual level. */
function processes(...usual: string[]) {
  const redis = openRedis({ kind: 'single', url: sharedRedisUrl() }, 'patient', QUIET)
  onTestFinished(async () => redis.disconnect())
  const keys = createKeys(uniquePrefix())
  const all = usual.map((level) => {
    const logger = { level }
    const changes: string[] = []
    const events = {
      logLevelChanged: (change: { from: string; to: string }) =>
        void changes.push(`${change.from} ${change.to}`),
    }
    const control = createLogLevel({ redis, keys, logger, events, onError: QUIET })
    control.start()
    onTestFinished(() => control.close())
    return { logger, changes, control }
  })
  return { redis, keys, all }
}

it('is followed by all, each of which goes back to its own', async () => {
  const { redis, keys, all } = processes('info', 'warn')
  const [one, other] = all
  if (!one || !other) throw new Error('two were asked for')
  const state: LogLevelState = await one.control.set('debug', 1)
  expect(state).toMatchObject({ level: 'debug', usual: 'info' })
  expect(one.logger.level).toBe('debug')
  await eventually(
    () => other.logger.level,
    (level) => level === 'debug',
    { what: 'the other at debug' },
  )
  expect(await redis.pttl(keys.logLevel())).toBeGreaterThan(0)
  await redis.del(keys.logLevel())
  const levels = () => all.map(({ logger }) => logger.level).join()
  await eventually(levels, (each) => each === 'info,warn', { what: 'the usual levels' })
  expect([one.changes, other.changes]).toEqual([
    ['info debug', 'debug info'],
    ['warn debug', 'debug warn'],
  ])
})

it('ends at its time although Redis is away by then', async () => {
  const { redis, keys, all } = processes('info')
  const until = Date.now() + 3000
  await redis.set(keys.logLevel(), JSON.stringify({ level: 'trace', until }), 'PX', 60_000)
  const level = () => all[0]?.logger.level
  await eventually(level, (each) => each === 'trace', { what: 'the level that was set' })
  redis.disconnect()
  await eventually(level, (each) => each === 'info', { what: 'the usual level' })
  expect(Date.now()).toBeGreaterThanOrEqual(until - 5)
})

it('is not what somebody else wrote there', async () => {
  const { redis, keys, all } = processes('info')
  for (const text of [
    'debug',
    '{"level":"silent","until":1e15}',
    '{"level":"debug","until":1e15}',
    '{"level":"debug"}',
    'null',
    '[]',
  ]) {
    await redis.set(keys.logLevel(), text)
    expect(await all[0]?.control.read()).toEqual({ level: 'info', usual: 'info' })
  }
})
