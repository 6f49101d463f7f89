import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  fallBackAt,
  isSettled,
  LEGAL_MOVES,
  legalSources,
  MESSAGE_STATUSES,
  sendUntil,
  type Message,
  type MessageStatus,
} from './message.ts'

const message = (over: Partial<Message> = {}): Message => ({
  id: 'msg_1',
  app: 'wallet',
  type: 'otp',
  to: '+221771234567',
  status: 'queued',
  attempts: 0,
  claims: 0,
  waits: 0,
  acceptedAt: 0,
  expiresAt: 300_000,
  timeline: [],
  ...over,
})

describe('the moves of a message', () => {
  it('the ends absorb: nothing leaves fallback, expired, canceled or used', () => {
    const ends = MESSAGE_STATUSES.filter((status) => LEGAL_MOVES[status].length === 0)
    expect(ends).toEqual(['fallback', 'expired', 'canceled', 'used'])
  })

  it('nothing goes back: delivered and read are never undone, and sent is never sent again', () => {
    expect(LEGAL_MOVES.sent).not.toContain('sending')
    expect(LEGAL_MOVES.delivered).toEqual(['read', 'used'])
    expect(LEGAL_MOVES.read).toEqual(['used'])
  })

  it('a message being sent can not be canceled', () => {
    expect(legalSources('canceled')).toEqual(['queued'])
  })

  it('only a queued or an uncertain message is sent', () => {
    expect(legalSources('sending')).toEqual(['queued', 'uncertain'])
  })

  it('a settled message needs its content no more, every other one may still fall back', () => {
    const settled = MESSAGE_STATUSES.filter(isSettled)
    expect(settled).toEqual(['delivered', 'read', 'fallback', 'expired', 'canceled', 'used'])
    for (const status of MESSAGE_STATUSES) {
      expect(legalSources('fallback').includes(status)).toBe(!isSettled(status))
    }
  })

  it('any walk over legal moves ends, once nothing sends it back to the queue', () => {
    const walk = fc.array(fc.nat(), { minLength: 30, maxLength: 30 })
    fc.assert(
      fc.property(walk, (choices) => {
        let status: MessageStatus = 'queued'
        for (const choice of choices) {
          const forward: readonly MessageStatus[] = LEGAL_MOVES[status].filter(
            (to) => to !== 'queued' && !(status === 'uncertain' && to === 'sending'),
          )
          const next: MessageStatus | undefined = forward[choice % forward.length]
          if (!next) break
          status = next
        }
        expect(LEGAL_MOVES[status].length === 0 || status === 'read').toBe(true)
      }),
    )
  })
})

describe('the time limits of a message', () => {
  it('the last minute of a code belongs to the operator', () => {
    expect(sendUntil(message())).toBe(240_000)
  })

  it('a short code is shared in halves', () => {
    expect(sendUntil(message({ expiresAt: 30_000 }))).toBe(15_000)
  })

  it('without receipts only the deadline counts', () => {
    expect(fallBackAt(message(), undefined)).toBe(240_000)
  })

  it('with receipts a message that is not on its way in time falls back', () => {
    expect(fallBackAt(message(), 60_000)).toBe(60_000)
  })

  it('the app may ask for another limit, but never past the deadline', () => {
    expect(fallBackAt(message({ deliverWithinSeconds: 20 }), 60_000)).toBe(20_000)
    expect(fallBackAt(message({ deliverWithinSeconds: 900 }), 60_000)).toBe(240_000)
  })
})
