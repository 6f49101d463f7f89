import { openLink } from '@relais/testing'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createClock, openRedis, patientOptions, type ClockChange } from '@relais/core'
import { sharedRedisUrl } from '@relais/testing'

/** A clock on a Redis whose answers to TIME the test can set ahead. */
async function setup() {
  const redis = openRedis(sharedRedisUrl(), patientOptions(), () => undefined)
  onTestFinished(() => redis.disconnect())
  const ahead = { ms: 0 }
  const changes: ClockChange[] = []
  const clock = createClock({
    redis: {
      pipeline: () => {
        const pipeline = redis.pipeline()
        const exec = pipeline.exec.bind(pipeline)
        pipeline.exec = async () => {
          const answers = await exec()
          const [seconds, micros] = (answers?.at(-1) ?? [])[1] as [string, string]
          return [[null, [String(Number(seconds) + ahead.ms / 1000), micros]]]
        }
        return pipeline
      },
    },
    key: 'any',
    onChange: (change) => void changes.push(change),
    onError: (error) => {
      throw error
    },
  })
  return { clock, ahead, changes, redis }
}

describe('the clock', () => {
  it('is that of Redis, wherever this machine believes to be', async () => {
    const { clock, ahead, changes } = await setup()
    ahead.ms = -3_600_000
    await clock.look()
    expect(Math.abs(clock.now() - (Date.now() - 3_600_000))).toBeLessThan(1000)
    expect(changes).toMatchObject([{ byMs: expect.closeTo(-3_600_000, -3) }])
    expect(changes[0]?.machineOffMs).toBeCloseTo(3_600_000, -3)
    await clock.look()
    expect(changes).toHaveLength(1)
  })

  it('does not move when the wall clock is set', async () => {
    const { clock } = await setup()
    await clock.look()
    const before = clock.now()
    vi.setSystemTime(Date.now() + 86_400_000)
    onTestFinished(() => void vi.useRealTimers())
    expect(clock.now() - before).toBeLessThan(1000)
    await clock.look()
    expect(clock.now() - before).toBeLessThan(1000)
  })

  it('follows a Redis whose clock was set, and says so', async () => {
    const { clock, ahead, changes } = await setup()
    await clock.look()
    const before = clock.now()
    ahead.ms = 5000
    await clock.look()
    expect(clock.now() - before).toBeGreaterThanOrEqual(4990)
    expect(changes).toHaveLength(1)
  })

  it('is not led astray by a slow answer', async () => {
    const link = await openLink(Number(new URL(sharedRedisUrl()).port))
    onTestFinished(() => link.close())
    const redis = openRedis(`redis://127.0.0.1:${link.port}`, patientOptions(), () => undefined)
    onTestFinished(() => redis.disconnect())
    const onChange = vi.fn<(change: ClockChange) => void>()
    const clock = createClock({ redis, key: 'any', onChange, onError: () => undefined })
    await clock.look()
    link.delay(300)
    await clock.look()
    expect(onChange).not.toHaveBeenCalled()
    expect(Math.abs(clock.now() - Date.now())).toBeLessThan(1000)
  })
})
