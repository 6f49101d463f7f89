import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addNotifications,
  afterRefusal,
  dueNotifications,
  MOST_NOTIFICATIONS,
  nextNotificationAt,
  notificationOf,
  type Notification,
} from './notifications.ts'

const HOUR_MS = 3_600_000

const waiting = (order: number, about = 'token_dead', at = 0): Notification => ({
  ...notificationOf(
    { type: 'mode.changed', from: 'connected', to: 'fallback', why: 'why' },
    { id: `n${order}`, order, at, installation: 'relais', mode: 'fallback' },
  ),
  about,
})

describe('a notification', () => {
  it('says what is wrong, since when, and where the runbook has it', () => {
    const finding = {
      id: 'template_paused',
      subject: 'otp_login fr',
      severity: 'critical',
      what: 'The template is paused.',
      remedy: 'Set another.',
      since: 1000,
    } as const
    const { body, about } = notificationOf(
      { type: 'alert.firing', finding, firedAt: 9000 },
      { id: 'n1', order: 1, at: 9000, installation: 'relais', mode: 'degraded' },
    )
    expect(about).toBe('template_paused otp_login fr')
    expect(body).toEqual({
      type: 'alert.firing',
      id: 'n1',
      at: '1970-01-01T00:00:09.000Z',
      installation: 'relais',
      mode: 'degraded',
      alert: {
        ...finding,
        since: '1970-01-01T00:00:01.000Z',
        runbook: 'docs/runbook.md#template-paused',
      },
    })
  })

  it('waits for the one before it about the same, and for no other', () => {
    const first = { ...waiting(1), nextAt: 5000 }
    const all = [waiting(3, 'mode'), waiting(2), first]
    expect(dueNotifications(all, 100, 8).map(({ id }) => id)).toEqual(['n3'])
    expect(dueNotifications(all, 5000, 8).map(({ id }) => id)).toEqual(['n1', 'n3'])
    expect(dueNotifications(all, 5000, 1).map(({ id }) => id)).toEqual(['n1'])
    expect([nextNotificationAt(all), nextNotificationAt([first]), nextNotificationAt([])]).toEqual([
      0,
      5000,
      undefined,
    ])
  })

  it('is posted again at growing intervals, up to a quarter of an hour, for a day', () => {
    let next: Notification | undefined = waiting(1)
    const gaps: number[] = []
    for (let now = 0; next; now = next?.nextAt ?? 0) {
      gaps.push(now)
      next = afterRefusal(next, now, 0)
    }
    const seconds = gaps.map((at, i) => (at - (gaps[i - 1] ?? 0)) / 1000)
    expect(seconds.slice(0, 12)).toEqual([0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900])
    expect(gaps.at(-1)).toBeGreaterThanOrEqual(24 * HOUR_MS)
    expect(gaps.at(-1)).toBeLessThan(24.5 * HOUR_MS)
    expect(afterRefusal(waiting(1), 0, 1)?.nextAt).toBe(500)
  })

  it('goes for a newer one when too many wait', () => {
    const many = Array.from({ length: MOST_NOTIFICATIONS }, (_, i) => waiting(i))
    const { notifications, dropped } = addNotifications(many, [waiting(1000), waiting(1001)])
    expect(dropped.map(({ id }) => id)).toEqual(['n0', 'n1'])
    expect(notifications).toHaveLength(MOST_NOTIFICATIONS)
    expect(notifications.at(-1)?.id).toBe('n1001')
  })
})

it('each is taken in the end, and those about the same in their order, however often the receiver refuses', () => {
  const receiver = fc.array(fc.boolean(), { minLength: 1, maxLength: 200 })
  const abouts = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 30 })
  fc.assert(
    fc.property(abouts, receiver, fc.float({ min: 0, max: 1, noNaN: true }), (about, answers, random) => {
      let held = addNotifications(
        [],
        about.map((each, i) => waiting(i, each)),
      ).notifications
      const taken: Notification[] = []
      let now = 0
      for (let turn = 0; held.length > 0; turn += 1) {
        for (const notification of dueNotifications(held, now, 8)) {
          // When all it has to say is said, it takes what comes.
          const again = (answers[turn] ?? true) ? undefined : afterRefusal(notification, now, random)
          if (!again) taken.push(notification)
          held = held.flatMap((each) => (each.id === notification.id ? (again ?? []) : each))
        }
        now = Math.max(now, nextNotificationAt(held) ?? now)
      }
      for (const each of ['a', 'b', 'c']) {
        const orders = taken.filter((one) => one.about === each).map(({ order }) => order)
        expect(orders).toEqual(about.flatMap((one, i) => (one === each ? i : [])))
      }
    }),
  )
})
