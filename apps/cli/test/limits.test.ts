import { createKeys } from '@relais/core'
import { sharedRedisUrl } from '@relais/testing'
import { Redis } from 'ioredis'
import { describe, expect, it, onTestFinished } from 'vitest'
import { UsageError } from '../src/command.ts'
import { toolFixture } from './tool-fixture.ts'

describe('limits', () => {
  it('are ruled, listed and cleared; and the audit knows of it', async () => {
    const { run, json } = toolFixture()
    expect((await run('limits')).output).toContain('nothing is ruled')
    const stopped = await json('limits', 'stop', '+22177', '--why', 'a flood', '--hours', '2')
    expect(stopped).toMatchObject({ code: 0, body: { app: '*', prefix: '+22177', by: 'cli:awa' } })
    const holdsMs = Date.parse(String(stopped.body['until'])) - Date.now()
    expect(Math.round(holdsMs / 60_000)).toBe(120)
    await run('limits', 'allow', '+', '--app', 'wallet', '--why', 'its codes are not told of as used')
    const { output } = await run('limits')
    expect(output).toMatch(/stopped {2}\+22177 {2}all apps {2}until .* by cli:awa: {2}a flood/)
    expect(output).toMatch(/allowed {2}\+ {2}wallet {2}until/)
    await run('limits', 'clear', '+22177')
    await run('limits', 'clear', '+', '--app', 'wallet')
    expect((await json('limits')).body).toEqual({ rulings: [], stops: [] })

    const audit = JSON.parse((await run('audit', 'list', '--json')).output) as Record<string, unknown>[]
    expect(audit.map(({ action, subject }) => [action, subject])).toEqual([
      ['limit.overridden', 'wallet +'],
      ['limit.overridden', '* +22177'],
      ['limit.overridden', 'wallet +'],
      ['limit.overridden', '* +22177'],
    ])
    expect((await run('audit', 'verify')).code).toBe(0)
  })

  it('why somebody ruled so drives no terminal, in the list and in the audit', async () => {
    const { run } = toolFixture()
    await run('limits', 'stop', '+22177', '--why', 'a\u001b[2J\u009b2Jb\u202ec')
    for (const args of [['limits'], ['audit', 'list'], ['limits', '--json'], ['audit', 'list', '--json']]) {
      const { output } = await run(...args)
      expect(output).toMatch(/a(\?|\\u001b)\[2J(\?|\\u009b)2Jb/)
      // oxlint-disable-next-line no-control-regex
      expect(output).not.toMatch(/[\u0000-\u0009\u001b\u007f-\u009f\u202e]/)
    }
  })

  it('what the guard has stopped is listed, and can be cleared', async () => {
    const { run, json, environment } = toolFixture()
    const keys = createKeys(environment['QUEUE_PREFIX'] ?? '')
    const redis = new Redis(sharedRedisUrl())
    onTestFinished(() => redis.disconnect())
    await redis.set(keys.guard('wallet', '+22177123'), `150 0 ${Date.now()} stopped`)
    await redis.hset(keys.guardStops(), { 'wallet +22177123': Date.now(), 'wallet +22178': Date.now() })
    expect((await json('limits')).body).toMatchObject({ stops: [{ app: 'wallet', prefix: '+22177123' }] })
    expect((await run('limits')).output).toMatch(/stopped {2}\+22177123 {2}wallet {2}since .* by the guard/)
    await run('limits', 'clear', '+22177123', '--app', 'wallet')
    expect(await redis.exists(keys.guard('wallet', '+22177123'))).toBe(0)
    expect((await json('limits')).body).toMatchObject({ stops: [] })
  })

  it.for([
    ['stop', '+22177'],
    ['stop', '--why', 'secret'],
    ['stop', '+22177', '--why', ' '],
    ['stop', '+22177', '--why', 'secret', '--hours', '169'],
    ['stop', '+22177', '--why', 'secret', '--app', 'secret app'],
    ['allow', '+221771234567', '--why', 'secret'],
    ['allow', '22177', '--why', 'secret'],
    ['clear', 'secret'],
    ['stop', '+22177', '+22178', '--why', 'secret'],
    ['secret'],
  ])('what makes no sense is refused and not repeated: limits %j', async (args) => {
    const { run, json } = toolFixture()
    const error = await run('limits', ...args).catch((fault: unknown) => fault)
    expect(error).toBeInstanceOf(UsageError)
    expect(String(error)).not.toMatch(/secret|1234567/)
    expect((await json('limits')).body).toMatchObject({ rulings: [] })
  })
})
