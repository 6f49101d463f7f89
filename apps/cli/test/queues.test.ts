import { describe, expect, it } from 'vitest'
import { UsageError } from '../src/command.ts'
import { apiOf } from './api-of.ts'
import { keepStderr } from './stderr.ts'
import { toolFixture } from './tool-fixture.ts'

const messages = {
  name: 'messages',
  waiting: 12,
  active: 3,
  delayed: 1,
  failed: 7,
  isPaused: false,
  mayBePaused: true,
  oldestWaitingAt: new Date(Date.now() - 125_000).toISOString(),
}
const fallback = { ...messages, name: 'fallback', waiting: 0, mayBePaused: false, oldestWaitingAt: null }
const paused = { ...messages, isPaused: true }

describe('queues', () => {
  it('are told with their depths, and since when the oldest waits', async () => {
    const body = { queues: [messages, fallback] }
    const { asked, tool } = await apiOf({ statusCode: 200, body }, { statusCode: 200, body })
    const { code, output } = await tool.run('queues')
    expect(code).toBe(0)
    expect(output).toMatch(
      /^messages +running +12 waiting +3 active +1 delayed +7 failed +the oldest .* 2 minutes\n/,
    )
    expect(output).toMatch(/\nfallback +running +0 waiting .* failed\n$/)
    expect(await tool.json('queues')).toEqual({ code: 0, body })
    expect(asked[0]).toMatchObject({
      method: 'GET',
      url: '/api/admin/queues',
      authorization: 'Bearer ops-key',
    })
  })

  it('one that somebody left paused is exit code 1', async () => {
    const { tool } = await apiOf({ statusCode: 200, body: { queues: [paused, fallback] } })
    expect(await tool.run('queues')).toMatchObject({
      code: 1,
      output: expect.stringMatching(/^messages +PAUSED/) as string,
    })
  })

  it('are asked for where --url says', async () => {
    const { asked, url } = await apiOf({ statusCode: 200, body: { queues: [] } })
    const tool = toolFixture({ RELAIS_URL: 'http://127.0.0.1:1', RELAIS_OPS_KEY: 'ops-key' })
    expect(await tool.run('queues', '--url', url)).toEqual({ code: 0, output: '' })
    expect(asked).toHaveLength(1)
  })
})

describe('queues pause and queues resume', () => {
  it('are asked for with the reason, and answer how the queue stands', async () => {
    const { asked, tool } = await apiOf(
      { statusCode: 200, body: paused },
      { statusCode: 200, body: messages },
    )
    const why = ' wrong template '
    expect((await tool.run('queues', 'pause', 'messages', '--why', why)).output).toMatch(/^messages +PAUSED/)
    expect(await tool.json('queues', 'resume', 'messages')).toEqual({ code: 0, body: messages })
    expect(asked).toMatchObject([
      { method: 'POST', url: '/api/admin/queues/messages/pause', body: '{"why":"wrong template"}' },
      { method: 'POST', url: '/api/admin/queues/messages/resume', body: '' },
    ])
  })

  it('what the API does not do is said in its words', async () => {
    const told = keepStderr()
    const { tool } = await apiOf({ statusCode: 409, body: { detail: 'Only messages may be paused.' } })
    expect(await tool.run('queues', 'pause', 'fallback', '--why', 'why')).toEqual({ code: 1, output: '' })
    expect(told()).toBe('Only messages may be paused.\n')
  })

  it.for([
    ['pause', 'messages'],
    ['pause', 'messages', '--why', '  '],
    ['pause', '--why', 'why'],
    ['pause', '../messages', '--why', 'why'],
    ['resume'],
  ])('make no sense as %j', async (args) => {
    await expect(toolFixture().run('queues', ...args)).rejects.toBeInstanceOf(UsageError)
  })
})
