import { describe, expect, it } from 'vitest'
import { UsageError } from '../src/command.ts'
import { apiOf } from './api-of.ts'
import { keepStderr } from './stderr.ts'
import { toolFixture } from './tool-fixture.ts'

const working = {
  app: 'wallet',
  url: 'https://wallet.example.com/relais',
  state: 'working',
  setAt: '2026-05-04T10:00:00.000Z',
  failures: 0,
  waiting: 2,
  dead: 0,
}
const paused = {
  ...working,
  state: 'paused',
  pausedAt: '2026-05-04T11:00:00.000Z',
  lastFault: 'HTTP 500',
  dead: 7,
}
const ok = (body: object) => ({ statusCode: 200, body })

describe('callbacks list', () => {
  it('tells where events go and how that does, and by its exit code whether one is paused', async () => {
    const { asked, tool } = await apiOf(
      ok({ callbacks: [working] }),
      ok({ callbacks: [paused] }),
      ok({ callbacks: [] }),
      ok({ callbacks: [], unreadable: ['shop'] }),
    )
    expect(await tool.run('callbacks', 'list')).toEqual({
      code: 0,
      output:
        'wallet  working  https://wallet.example.com/relais\n  2 messages wait, 0 events were given up\n',
    })
    const { code, output } = await tool.run('callbacks', 'list')
    expect(code).toBe(1)
    expect(output).toContain('since 2026-05-04T11:00:00.000Z: HTTP 500')
    expect(await tool.run('callbacks', 'list')).toEqual({ code: 0, output: 'No app has a callback.\n' })
    expect(await tool.run('callbacks', 'list')).toMatchObject({
      code: 1,
      output: expect.stringMatching(/^unreadable {2}shop/) as string,
    })
    expect(asked[0]).toMatchObject({
      method: 'GET',
      url: '/api/admin/callbacks',
      authorization: 'Bearer ops-key',
    })
  })
})

describe('a change of a callback', () => {
  it.each([
    [
      ['set', 'wallet', 'https://wallet.example.com/'],
      'PUT /api/admin/callbacks/wallet {"url":"https://wallet.example.com/"}',
      { url: 'https://wallet.example.com/', secret: 'whsec_abc' },
      /go to https:\/\/wallet\.example\.com\/\.\nwhsec_abc\n.*once/,
    ],
    [
      ['set', 'wallet', 'https://wallet.example.com/'],
      'PUT /api/admin/callbacks/wallet {"url":"https://wallet.example.com/"}',
      { url: 'https://wallet.example.com/' },
      /secret stays/,
    ],
    [['remove', 'wallet'], 'DELETE /api/admin/callbacks/wallet ', { removed: true }, /nothing any more/],
    [
      ['test', 'wallet'],
      'POST /api/admin/callbacks/wallet/test ',
      { statusCode: 204 },
      /took the test \(204\)/,
    ],
    [
      ['rotate', 'wallet'],
      'POST /api/admin/callbacks/wallet/rotate ',
      { secret: 'whsec_new', oldUntil: '2026-05-05T10:00:00.000Z' },
      /^whsec_new\n.*\n.*until 2026-05-05T10/,
    ],
    [['resume', 'wallet'], 'POST /api/admin/callbacks/wallet/resume ', { wasPaused: true }, /events again/],
    [['resume', 'wallet'], 'POST /api/admin/callbacks/wallet/resume ', { wasPaused: false }, /not paused/],
    [['redrive', 'wallet'], 'POST /api/admin/callbacks/wallet/redrive ', { redriven: 3 }, /^3 events/],
  ])('%j is asked for, and told', async (args, request, body, told) => {
    const { asked, tool } = await apiOf(ok(body), ok(body))
    expect(await tool.run('callbacks', ...args)).toMatchObject({
      code: 0,
      output: expect.stringMatching(told) as string,
    })
    expect(asked.map((each) => `${each.method} ${each.url} ${each.body}`)).toEqual([request])
    expect(await tool.json('callbacks', ...args)).toEqual({ code: 0, body })
  })

  it('that is refused is exit code 1, with the reason on standard error', async () => {
    const said = keepStderr()
    const { tool } = await apiOf({ statusCode: 502, body: { detail: 'It answered with 500.' } })
    expect(await tool.run('callbacks', 'test', 'wallet')).toEqual({ code: 1, output: '' })
    expect(said()).toContain('It answered with 500.')
  })

  it.each([[['set', 'wallet']], [['test']], [['test', '../keys']]])('%j makes no sense', async (args) => {
    await expect(async () => toolFixture().run('callbacks', ...args)).rejects.toThrow(UsageError)
  })
})

describe('callbacks dead', () => {
  it('tells what was given up, and by its exit code whether there is something', async () => {
    const dead = [
      { id: 'msg_1.1', type: 'message.sent', at: '2026-05-04T10:00:00.000Z', why: 'not taken within a day' },
    ]
    const { asked, tool } = await apiOf(ok({ dead }), ok({ dead: [] }))
    expect(await tool.run('callbacks', 'dead', 'wallet')).toEqual({
      code: 1,
      output: '2026-05-04T10:00:00.000Z  msg_1.1  message.sent  not taken within a day\n',
    })
    expect(await tool.run('callbacks', 'dead', 'wallet')).toEqual({
      code: 0,
      output: 'wallet was told everything.\n',
    })
    expect(asked[0]).toMatchObject({ method: 'GET', url: '/api/admin/callbacks/wallet/dead' })
  })
})
