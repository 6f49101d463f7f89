/**
 * kill -9 of the worker at each numbered step of the path (docs/reliability.md). A link between it and Redis cuts it off right before or after
 * the command of the step, the fact is looked up in Redis past the link, then it is killed and another takes over.
 */
import { eventually, openRedisLink, sharedRedisUrl, type RedisCommand, type RedisLink } from '@relais/testing'
import type { Fault } from '@relais/simulator'
import { describe, it } from 'vitest'
import {
  adds,
  claims,
  decides,
  finishes,
  keyOf,
  moves,
  next,
  notesSent,
  putsOff,
  reads,
  takesSlot,
} from './commands.ts'
import { openLook, type Look } from './look.ts'
import { isUp, sendsOf, startSystem, takenBy, type System } from './system.ts'

const person = '+221771234567'
const refused = '+221771230030'
const withoutWhatsApp = '+221771230026'
const phoneOff = '+221771230001'

/** `command`: at which the worker was cut off. */
type Here = { look: Look; system: System; id: string; command: RedisCommand }

type Crash = {
  step: string
  /** The locks of the dead worker run out in their own time. In the other tests they are ended, so that those need not wait for it. */
  inItsTime?: true
  /** The command at which the worker is cut off; without one, the fact is enough. */
  stop?: (link: RedisLink) => Promise<RedisCommand>
  /** Holds once the step is done. */
  fact: (here: Here) => boolean | Promise<boolean>
  to?: string
  faults?: Fault[]
  env?: Record<string, string>
  withReceipts?: boolean
  /** They come when the worker is dead. At once, they might do its step for it. */
  receiptsLate?: true
  end: End
}

/** Where the message ends, and how often what happened on the way. */
type End = {
  status: string
  reason?: string
  /** Calls to Meta, and messages that Meta took. */
  sends: number
  taken: number
  /** In the fallback log; where it may be one or another, both. */
  records: number | number[]
  uncertain?: number
  /** Sends that were counted as possible duplicates. */
  counted?: number
}

const is =
  (field: string, value: string): Crash['fact'] =>
  async ({ look, id }) =>
    (await look.field(id, field)) === value

const job =
  (...[queue, list]: Parameters<Look['jobs']>): Crash['fact'] =>
  async ({ look, id }) =>
    (await look.jobs(queue, list)).includes(id)

const taken: Crash['fact'] = ({ system, id }) => takenBy(system.simulator, id).length === 1
const called: Crash['fact'] = ({ system, id }) => sendsOf(system.simulator, id).length === 1
const recordsOf = (system: System, id: string) =>
  system.events('message.fallback').filter(({ messageId }) => messageId === id)

const delivered: End = { status: 'delivered', sends: 1, taken: 1, records: 0 }
const resent: End = { ...delivered, sends: 2, uncertain: 1, counted: 1 }
const unreachable: End = {
  status: 'fallback',
  reason: 'recipient_unreachable',
  sends: 1,
  taken: 0,
  records: 1,
}
const overdue: End = { status: 'fallback', reason: 'undelivered', sends: 1, taken: 1, records: 1 }

/** By the clock of the simulator. */
const LATE_MS = 60_000
const lateReceipts = {
  sent: { min: LATE_MS, max: LATE_MS },
  delivered: { min: LATE_MS, max: LATE_MS },
  read: { min: 10 * LATE_MS, max: 10 * LATE_MS },
}

const stall = (accepted: boolean): Fault => ({ kind: 'stall', ms: 30_000, accepted })
const reset: Fault = { kind: 'reset', accepted: false }

const crashes: Crash[] = [
  {
    step: '6: the job is taken',
    stop: (link) => link.stopBefore(claims('queued')),
    fact: job('messages', 'active'),
    inItsTime: true,
    end: delivered,
  },
  {
    step: '7: a slot of the pace is taken for an uncertain message',
    stop: (link) => link.stopAfter(next(moves('uncertain'), takesSlot)),
    fact: async (here) => (await job('messages', 'active')(here)) && is('status', 'uncertain')(here),
    faults: [reset],
    env: { SEND_RATE_PER_SECOND: '80' },
    end: resent,
  },
  {
    step: '8: the message is claimed',
    stop: (link) => link.stopAfter(claims('queued')),
    fact: is('status', 'sending'),
    inItsTime: true,
    end: { ...delivered, uncertain: 1, counted: 1 },
  },
  { step: '9: Meta took the call', faults: [stall(true)], fact: taken, end: delivered },
  { step: '9: Meta has the call and does not take it', faults: [stall(false)], fact: called, end: resent },
  {
    step: '9: Meta took the call, and no receipts are expected',
    faults: [stall(true)],
    fact: taken,
    withReceipts: false,
    end: { ...resent, status: 'sent', taken: 2 },
  },
  {
    step: '10: its answer is noted',
    stop: (link) => link.stopAfter(notesSent),
    fact: is('status', 'sent'),
    receiptsLate: true,
    end: delivered,
  },
  {
    step: '11: the job is done',
    stop: (link) => link.stopAfter(finishes('messages')),
    fact: job('messages', 'completed'),
    end: delivered,
  },
  {
    step: '12: a failed attempt is noted',
    stop: (link) => link.stopAfter(moves('queued')),
    fact: async (here) => (await is('status', 'queued')(here)) && is('claims', '1')(here),
    faults: [{ kind: 'error', code: 131000 }],
    end: { ...delivered, sends: 2 },
  },
  {
    step: '13: the job is put off until the next try',
    stop: (link) => link.stopAfter(putsOff),
    fact: job('messages', 'delayed'),
    faults: [{ kind: 'error', code: 131000 }],
    end: { ...delivered, sends: 2 },
  },
  {
    step: '14: a lost answer is noted as uncertain',
    stop: (link) => link.stopAfter(moves('uncertain')),
    fact: is('status', 'uncertain'),
    faults: [reset],
    end: resent,
  },
  {
    step: '15: the job is put off for the receipt',
    stop: (link) => link.stopAfter(putsOff),
    fact: job('messages', 'delayed'),
    faults: [reset],
    end: resent,
  },
  {
    step: '16: the uncertain message is claimed again',
    stop: (link) => link.stopAfter(next(moves('uncertain'), claims('uncertain'))),
    fact: is('claims', '2'),
    faults: [reset],
    end: { ...resent, uncertain: 2 },
  },
  { step: '17: Meta took the second call', faults: [reset, stall(true)], fact: taken, end: resent },
  {
    step: '18: the fallback is decided',
    stop: (link) => link.stopAfter(decides),
    fact: is('reason', 'recipient_unreachable'),
    to: refused,
    end: unreachable,
  },
  {
    step: '18: the fallback is decided by a receipt',
    stop: (link) => link.stopAfter(decides),
    fact: is('reason', 'recipient_unreachable'),
    to: withoutWhatsApp,
    end: { ...unreachable, taken: 1 },
  },
  {
    step: '19: it is on the fallback queue',
    stop: (link) => link.stopAfter(adds('fallback')),
    fact: job('fallback', 'wait'),
    to: refused,
    end: unreachable,
  },
  {
    step: '20: the job has failed',
    stop: (link) => link.stopAfter(finishes('messages')),
    fact: job('messages', 'failed'),
    to: refused,
    // The fallback runs at the same time: it may have got as far as step 22.
    end: { ...unreachable, records: [1, 2] },
  },
  {
    step: '21: the fallback job is taken',
    stop: (link) => link.stopBefore(next(adds('fallback'), reads)),
    fact: job('fallback', 'active'),
    to: refused,
    end: unreachable,
  },
  {
    step: '22: the record is written',
    stop: (link) => link.stopBefore(moves('fallback')),
    fact: ({ system, id }) => recordsOf(system, id).length === 1,
    to: refused,
    end: { ...unreachable, records: 2 },
  },
  {
    step: '23: the message has moved to the fallback',
    stop: (link) => link.stopAfter(moves('fallback')),
    fact: is('status', 'fallback'),
    to: refused,
    end: unreachable,
  },
  {
    step: '24: the fallback job is done',
    stop: (link) => link.stopAfter(finishes('fallback')),
    fact: job('fallback', 'completed'),
    to: refused,
    end: unreachable,
  },
  {
    step: '27: the job of a receipt is taken',
    stop: (link) => link.stopBefore(decides),
    fact: async ({ look }) => (await look.jobs('receipts', 'active')).length > 0,
    to: withoutWhatsApp,
    end: { ...unreachable, taken: 1 },
  },
  {
    step: '27: the job of the receipt of a lost answer is taken',
    stop: (link) => link.stopBefore(next(putsOff, decides)),
    fact: async ({ look }) => (await look.jobs('receipts', 'active')).length > 0,
    // Only `failed` is heard of it, so nothing else can settle it.
    to: withoutWhatsApp,
    inItsTime: true,
    faults: [{ kind: 'reset', accepted: true }],
    end: { ...unreachable, taken: 1, uncertain: 1 },
  },
  {
    step: '29: the job of a receipt is done',
    stop: (link) => link.stopAfter(finishes('receipts')),
    fact: async ({ look, command }) => !(await look.isThere(keyOf(command, /:receipts:\d+$/))),
    to: withoutWhatsApp,
    end: { ...unreachable, taken: 1 },
  },
  {
    step: '30: the sweep has taken a due message',
    stop: (link) => link.stopBefore(decides),
    fact: async ({ look, id }) => (await look.timer(id)) > Date.now(),
    to: phoneOff,
    env: { DELIVER_WITHIN_SECONDS: '5' },
    end: overdue,
  },
  {
    step: '31: the sweep has decided the fallback',
    stop: (link) => link.stopAfter(decides),
    fact: is('reason', 'undelivered'),
    to: phoneOff,
    env: { DELIVER_WITHIN_SECONDS: '5' },
    end: overdue,
  },
  {
    step: '32: the sweep has put it on the fallback queue',
    stop: (link) => link.stopAfter(adds('fallback')),
    fact: job('fallback', 'wait'),
    to: phoneOff,
    env: { DELIVER_WITHIN_SECONDS: '5' },
    end: overdue,
  },
]

describe.concurrent('a worker is killed after step', { timeout: 180_000 }, () => {
  it.for(crashes)('$step', async (crash, t) => {
    const { expect } = t
    const { stop, fact, inItsTime, to = person, faults = [], env = {}, withReceipts = true, end } = crash
    const system = await startSystem(t, {
      workers: 0,
      withReceipts,
      ...(crash.receiptsLate && { simulator: { timing: lateReceipts } }),
      env: { DELIVER_WITHIN_SECONDS: '200', ...env },
    })
    const look = openLook(t, system)
    const link = await openRedisLink(sharedRedisUrl())
    t.onTestFinished(() => link.close())
    const worker = system.startApp('worker', { REDIS_URL: link.url })
    await isUp(worker)
    system.simulator.injectFaults(faults)
    let command: RedisCommand = []
    void stop?.(link).then((last) => (command = last))
    const id = await system.send(to, '482913')
    if (stop) {
      await eventually(
        () => command,
        ({ length }) => length > 0,
        {
          timeoutMs: 60_000,
          what: `the command of step ${crash.step}`,
        },
      )
    }
    await eventually(() => fact({ look, system, id, command }), Boolean, {
      timeoutMs: 30_000,
      what: `step ${crash.step}`,
    })
    await worker.kill()
    if (crash.receiptsLate) system.simulator.clock.advance(2 * LATE_MS)
    if (!inItsTime) await look.endLocks()

    await isUp(system.startApp('worker'))
    const message = await system.reaches(id, [end.status], 90_000)
    // Until the deadline a message keeps its content of which nothing more is heard, or which an operator may have to read.
    await look.findsNothingLeft(['sent', 'fallback'].includes(end.status) ? ':content:' : undefined)
    const counted = system.events('message.possible_duplicate').filter(({ messageId }) => messageId === id)
    expect({
      ...(message.reason !== undefined && { reason: message.reason }),
      status: (await system.message(id)).status,
      sends: sendsOf(system.simulator, id).length,
      taken: takenBy(system.simulator, id).length,
      records: recordsOf(system, id).length,
      uncertain: message.timeline.filter(({ status }) => status === 'uncertain').length,
      counted: counted.length,
    }).toEqual({
      uncertain: 0,
      counted: 0,
      ...end,
      records: Array.isArray(end.records) ? expect.toBeOneOf(end.records) : end.records,
    })
    expect(new Set(recordsOf(system, id).map((record) => JSON.stringify(record))).size).toBeLessThan(2)
  })
})
