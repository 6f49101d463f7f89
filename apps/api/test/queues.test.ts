/** The queues as operators see them over HTTP, and the one that they may pause. */
import { createAudit, Secret } from '@relais/core'
import { describe, expect, it } from 'vitest'
import { apiFixture, ENCRYPTION_KEY, OPS_KEY } from './api-fixture.ts'

const fixture = apiFixture({ BOARD_WRITES: 'off' })
const { inject, inside, keys, post } = fixture

const headers = { authorization: `Bearer ${OPS_KEY}` }
const list = async () => {
  const answer = await inject({ url: '/api/admin/queues', headers })
  return answer.json<{ queues: Record<string, unknown>[] }>().queues
}
const act = (name: string, verb: string, payload?: object) =>
  inject({ method: 'POST', url: `/api/admin/queues/${name}/${verb}`, headers, ...(payload && { payload }) })

const latest = async (most: number) => {
  const encryptionKeys = [{ id: 'k1', key: new Secret(ENCRYPTION_KEY) }]
  const { redis } = inside()
  return createAudit({ redis, keys, encryptionKeys, keptDays: 1 }).latest(most)
}

describe('the queues', () => {
  it('are listed with their depths, and since when the oldest of those that are next waits', async () => {
    const before = Date.now()
    expect((await post({ to: '+221771234567', type: 'otp', code: '1234' })).statusCode).toBe(202)
    expect((await post({ to: '+221771234568', type: 'otp', code: '1234' })).statusCode).toBe(202)
    const queues = await list()
    expect(queues.map(({ name }) => name)).toEqual([
      'messages',
      'fallback',
      'receipts',
      'access-token',
      'callbacks',
    ])
    const [messages, fallback] = queues
    expect(messages).toMatchObject({ waiting: 2, active: 0, isPaused: false, mayBePaused: true })
    const oldest = Date.parse(String(messages?.['oldestWaitingAt']))
    expect(oldest).toBeGreaterThanOrEqual(before - 5)
    expect(oldest).toBeLessThanOrEqual(Date.now() + 5)
    expect(fallback).toMatchObject({ waiting: 0, mayBePaused: false, oldestWaitingAt: null })
  })
})

describe('the messages', () => {
  it('are paused and resumed whatever BOARD_WRITES says, and the audit knows who and why', async () => {
    const { queue } = inside()
    const paused = await act('messages', 'pause', { why: 'wrong template' })
    expect([paused.statusCode, paused.json()]).toMatchObject([200, { name: 'messages', isPaused: true }])
    expect(await queue.isPaused()).toBe(true)
    expect((await list())[0]).toMatchObject({ isPaused: true })
    const resumed = await act('messages', 'resume')
    expect([resumed.statusCode, resumed.json()]).toMatchObject([200, { isPaused: false }])
    expect(await queue.isPaused()).toBe(false)
    expect(await latest(2)).toMatchObject([
      { actor: 'operator:awa', action: 'queue.resumed', subject: 'messages' },
      {
        actor: 'operator:awa',
        action: 'queue.paused',
        subject: 'messages',
        detail: { why: 'wrong template' },
      },
    ])
  })

  it.each([undefined, {}, { why: '' }, { why: 'a\u001b[2Jb' }, { why: 'a reason', more: 1 }])(
    'are not paused without a reason that can be read: %j',
    async (payload) => {
      const answer = await act('messages', 'pause', payload)
      expect([400, 422]).toContain(answer.statusCode)
      expect((await list())[0]).toMatchObject({ isPaused: false })
    },
  )
})

describe('no other queue', () => {
  it.each(['fallback', 'receipts', 'access-token', 'callbacks'])('is paused or resumed: %s', async (name) => {
    const [before] = await latest(1)
    for (const answer of [await act(name, 'pause', { why: 'a reason' }), await act(name, 'resume')]) {
      expect(answer.json()).toMatchObject({ status: 409, code: 'queue_not_pausable' })
    }
    expect(await latest(1)).toEqual([before])
  })

  it('is there', async () => {
    const answer = await act('none', 'pause', { why: 'a reason' })
    expect(answer.json()).toMatchObject({ status: 404, code: 'not_found' })
    expect((await act('..%2fmessages', 'resume')).statusCode).toBe(422)
  })
})
