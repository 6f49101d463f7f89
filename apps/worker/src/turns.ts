/**
 * Whose turn it is in this process. Messages that are ready wait here, and each slot of the sender's pace goes to the one with the
 * lowest priority number: so a code that comes in last overtakes the texts that wait, without one of them being put back.
 *
 * A process that was held up (a long collection, a slow answer of Redis) would send what it missed all at once. Instead it sends a
 * little faster than its slots come until it has caught up; and what is too late even for that takes the next free slot, and Redis
 * is told of the lost one.
 */
import type { PacedSender, Pacing } from '@relais/core'
import { setTimeout as sleep } from 'node:timers/promises'

/** After a delay sends follow each other so much closer than their slots, */
const CATCH_UP = 1.03

/** unless the slot is so long past: more than that would be seen in the next ten seconds. */
const LATE_MS = 100

/** What has missed its slots for so long is sent without: it is claimed, and a claim does not keep. */
const LATE_FOR_MS = 1000

/** So much of a delay is not passed on to the sends that follow: timers are never exact. */
const JITTER_MS = 25

/** With a backlog slots are asked for a few at a time. */
const ASK_EVERY_MS = 25
const MOST_SLOTS = 50

/** Messages wait here for a slot that is at most so far away; for a later one they give their place to others. */
const LONGEST_WAIT_MS = 2000

export type Turn =
  /** Its slot comes at this time (of `performance.now()`). */
  | { kind: 'slot'; at: number }
  /** No slot can be had for so long: the sender is paused. */
  | { kind: 'far'; waitMs: number }
  | { kind: 'out-of-time' }
  | { kind: 'stopping' }

type Waiting = { priority: number; resolve: (turn: Turn) => void; reject: (error: unknown) => void }

/** @param deps.stopping aborted when the process is asked to stop: all who wait are told */
export function createTurns(deps: { pacing: Pacing; sender: PacedSender; stopping: AbortSignal }) {
  const { pacing, sender, stopping } = deps
  const waiting = new Set<Waiting>()
  let isAsking = false
  let unused = 0
  let last = { slotAt: 0, at: 0 }
  stopping.addEventListener('abort', () => endAll({ kind: 'stopping' }))

  return { next, comes }

  /** Waits for a slot, for `withinMs` at most. The lowest priority number goes first, and the first come among equals. */
  async function next(priority: number, withinMs: number): Promise<Turn> {
    if (stopping.aborted) return { kind: 'stopping' }
    let timer: NodeJS.Timeout | undefined
    try {
      return await new Promise<Turn>((resolve, reject) => {
        const entry = { priority, resolve, reject }
        waiting.add(entry)
        timer = setTimeout(() => {
          if (waiting.delete(entry)) resolve({ kind: 'out-of-time' })
        }, withinMs)
        void ask()
      })
    } finally {
      clearTimeout(timer)
    }
  }

  /** Resolves at the slot. One that was missed is given up for the next, before all others. */
  async function comes(at: number): Promise<void> {
    const giveUpAt = Math.max(at, performance.now()) + LATE_FOR_MS
    for (let slotAt = at; !(await passes(slotAt)) && performance.now() < giveUpAt;) {
      unused += 1
      const turn = await next(0, Math.max(1, giveUpAt - performance.now()))
      if (turn.kind !== 'slot') return
      slotAt = turn.at
    }
  }

  /** Waits for the slot, and behind the sends before it. False when the slot is too long past by then. */
  async function passes(slotAt: number): Promise<boolean> {
    for (let at = slotAt; ;) {
      await until(at)
      at = last.at + Math.max(0, slotAt - last.slotAt) / CATCH_UP
      const now = performance.now()
      if (Math.max(now, at) - slotAt > LATE_MS) return false
      if (at > now + 1) continue
      last = { slotAt, at: Math.max(at, now - JITTER_MS) }
      return true
    }
  }

  async function ask(): Promise<void> {
    if (isAsking) return
    isAsking = true
    try {
      while (waiting.size > 0) await askOnce()
    } catch (error) {
      for (const entry of waiting) entry.reject(error)
      waiting.clear()
    } finally {
      isAsking = false
    }
  }

  async function askOnce(): Promise<void> {
    const most = Math.min(MOST_SLOTS, waiting.size)
    const given = unused
    unused = 0
    // Redis counts from when it is asked: an answer that comes late does not move the slots.
    const askedAt = performance.now()
    const { slotsMs, nextMs } = await pacing.reserve(sender, most, given)
    for (const slotMs of slotsMs) giveFirst({ kind: 'slot', at: askedAt + slotMs })
    if (nextMs > LONGEST_WAIT_MS) return endAll({ kind: 'far', waitMs: nextMs })
    if (slotsMs.length < most) await sleep(Math.max(nextMs, ASK_EVERY_MS))
  }

  function giveFirst(turn: Turn): void {
    let first: Waiting | undefined
    for (const entry of waiting) if (!first || entry.priority < first.priority) first = entry
    if (!first) return void (unused += 1)
    waiting.delete(first)
    first.resolve(turn)
  }

  function endAll(turn: Turn): void {
    for (const { resolve } of waiting) resolve(turn)
    waiting.clear()
  }
}

async function until(at: number): Promise<void> {
  const ms = at - performance.now()
  if (ms > 0) await sleep(ms)
}
