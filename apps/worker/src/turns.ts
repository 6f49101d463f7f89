/**
 * Whose turn it is in this process. Messages that are ready wait here, and are claimed in one call for all that came at the same moment, the
 * lowest priority number first: so a code that comes in last overtakes the texts that wait for the sender's pace, without one of them being
 * put back.
 *
 * A process that was held up (a long collection, a slow answer of Redis) would send what it missed all at once. Instead it sends a
 * little faster than its slots come until it has caught up; and what is too late even for that takes the next free slot, and Redis
 * is told of the lost one.
 */
import type { Ask, AskAnswer, Claims, Message, PacedSender } from '@relais/core'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClaimAge, type ClaimAge } from './claim-age.ts'

/** After a delay sends follow each other so much closer than their slots, */
const CATCH_UP = 1.03

/** unless the slot is so long past: more than that would be seen in the next ten seconds. */
const LATE_MS = 100

/** What has missed its slots for so long is sent without: it is claimed, and a claim does not keep. */
const LATE_FOR_MS = 1000

/** So much of a delay is not passed on to the sends that follow: timers are never exact. */
const JITTER_MS = 25

/** Where no slot is near they are asked for again so soon: a few at a time. */
const ASK_EVERY_MS = 25

/**
 * Messages of one call, and how many calls may be on their way: so Redis claims some while others are being sent. Where slots are scarce one
 * call tells when to ask again.
 */
const MOST_ASKS = 10
const MOST_CALLS = 4

/** Messages wait here for a slot that is at most so far away; for a later one they give their place to others. */
const LONGEST_WAIT_MS = 2000

/** A slot of the sender's pace, as a time of `performance.now()`. Undefined: there is no pace, and nothing to wait for. */
export type Slot = number | undefined

/** Why a turn does not come. */
export type NoTurn =
  /** No slot can be had for so long: the sender is paused. */
  | { kind: 'far'; waitMs: number }
  | { kind: 'out-of-time' }
  /** Something got in the way of the messages that wait. */
  | { kind: 'in-the-way' }
  | { kind: 'stopping' }

export type SlotTurn = { kind: 'slot'; slot: Slot } | NoTurn

/** Of a message whose turn does not come the record is known if it had to wait. */
export type ClaimTurn =
  | { kind: 'claimed'; message: Message; sealedContent: string; slot: Slot; age: ClaimAge }
  | Exclude<AskAnswer, { kind: 'claimed' | 'slot' | 'later' }>
  | (NoTurn & { message: Message | undefined })

type Turn = ClaimTurn | SlotTurn

type Waiting = {
  priority: number
  ask: Ask
  message?: Message | undefined
  /** It has a place among the sends already, and asks for another slot. */
  hasPlace: boolean
  /** It is asked for at this moment, and may be claimed by now: whatever else happens, the answer counts. */
  isAsked: boolean
  isOver: boolean
  timer?: NodeJS.Timeout
  settle: (turn: Turn) => void
  fail: (error: unknown) => void
}

/**
 * @param deps.mostSends so many messages may be claimed and not sent yet; each that is has to be followed by `over` or `giveBack`
 * @param deps.isInTheWay is there anything for which a message is not to be claimed without being looked at?
 * @param deps.leftMs for how long a message may wait for its turn
 * @param deps.now the clock of messages
 * @param deps.stopping aborted when the process is asked to stop: all who wait are told
 */
export function createTurns(deps: {
  claims: Claims
  sender: PacedSender
  mostSends: number
  isInTheWay: () => boolean
  leftMs: (message: Message) => number
  now: () => number
  stopping: AbortSignal
}) {
  const { claims, sender, mostSends, isInTheWay, leftMs, now, stopping } = deps
  const waiting = new Set<Waiting>()
  let isDue = false
  let isScarce = false
  let isResting = false
  let calls = 0
  let sends = 0
  let unused = 0
  let last = { slotAt: 0, at: 0 }
  stopping.addEventListener('abort', () => endAll({ kind: 'stopping' }))

  return {
    /** Claims a message when its turn comes: the lowest priority number goes first, and the first come among equals. */
    claim: (ask: Omit<Extract<Ask, { kind: 'message' }>, 'kind'>): Promise<ClaimTurn> =>
      // What is asked of a message is answered of a message.
      wait(ask.priority, { kind: 'message', ...ask }) as Promise<ClaimTurn>,

    /** Waits for a slot alone, for `withinMs` at most. */
    slot: (priority: number, withinMs: number): Promise<SlotTurn> =>
      wait(priority, { kind: 'slot' }, withinMs) as Promise<SlotTurn>,

    /** A slot that was had is not used. */
    giveBack(slot: Slot): void {
      if (slot !== undefined) unused += 1
      over()
    },

    over,

    /** Resolves at the slot. One that was missed is given up for the next, before all others. */
    async comes(slot: Slot): Promise<void> {
      if (slot === undefined) return
      const giveUpAt = Math.max(slot, performance.now()) + LATE_FOR_MS
      for (let slotAt = slot; !(await passes(slotAt)) && performance.now() < giveUpAt;) {
        unused += 1
        const turn = await wait(0, { kind: 'slot' }, Math.max(1, giveUpAt - performance.now()), true)
        if (turn.kind !== 'slot' || turn.slot === undefined) return
        slotAt = turn.slot
      }
    },
  }

  async function wait(priority: number, ask: Ask, withinMs?: number, hasPlace = false): Promise<Turn> {
    if (stopping.aborted) return { kind: 'stopping', message: undefined }
    return new Promise((resolve, reject) => {
      const entry: Waiting = {
        priority,
        ask,
        hasPlace,
        isAsked: false,
        isOver: false,
        settle: resolve,
        fail: reject,
      }
      waiting.add(entry)
      if (withinMs !== undefined) endWithin(entry, withinMs)
      askSoon()
    })
  }

  /** A message is sent, or will not be: another may be claimed. */
  function over(): void {
    sends -= 1
    askSoon()
  }

  /** What comes in the same turn of the event loop goes together. */
  function askSoon(): void {
    if (isDue || waiting.size === 0) return
    isDue = true
    setImmediate(askForAll)
  }

  function endWithin(entry: Waiting, ms: number): void {
    entry.timer = setTimeout(() => {
      if (entry.isAsked) entry.isOver = true
      else end(entry, { kind: 'out-of-time' })
    }, ms)
  }

  /** Waits for the slot, and behind the sends before it. False when the slot is too long past by then. */
  async function passes(slotAt: number): Promise<boolean> {
    for (let at = slotAt; ;) {
      await until(at)
      at = last.at + Math.max(0, slotAt - last.slotAt) / CATCH_UP
      const present = performance.now()
      if (Math.max(present, at) - slotAt > LATE_MS) return false
      if (at > present + 1) continue
      last = { slotAt, at: Math.max(at, present - JITTER_MS) }
      return true
    }
  }

  function askForAll(): void {
    isDue = false
    if (isInTheWay()) endAll({ kind: 'in-the-way' }, ({ ask }) => ask.kind === 'message')
    while (!isResting && calls < (isScarce ? 1 : MOST_CALLS)) {
      let places = mostSends - sends
      const group = [...waiting]
        .filter(({ isAsked }) => !isAsked)
        .sort((one, other) => one.priority - other.priority)
        .filter(({ hasPlace }) => hasPlace || (places -= 1) >= 0)
        .slice(0, MOST_ASKS)
      if (group.length === 0) return
      void askFor(group)
    }
  }

  async function askFor(group: Waiting[]): Promise<void> {
    for (const entry of group) {
      entry.isAsked = true
      if (!entry.hasPlace) sends += 1
    }
    const given = unused
    unused = 0
    calls += 1
    // Redis counts from when it is asked: an answer that comes late does not move the slots.
    const askedAt = performance.now()
    const age = createClaimAge(now)
    try {
      const asks = group.map(({ ask, message }) =>
        ask.kind === 'slot' || message ? ask : { ...ask, tells: true },
      )
      const { answers, nextMs } = await claims.take(sender, asks, given)
      for (const [i, entry] of group.entries()) {
        entry.isAsked = false
        const answer = answers[i]
        const hasTurn = answer?.kind === 'claimed' || answer?.kind === 'slot'
        if (!hasTurn && !entry.hasPlace) sends -= 1
        if (answer && answer.kind !== 'later') take(entry, answer, askedAt, age)
        else stay(entry, answer?.message)
      }
      isScarce = answers.some(({ kind }) => kind === 'later')
      if (nextMs > LONGEST_WAIT_MS) endAll({ kind: 'far', waitMs: nextMs })
      else if (isScarce) rest(Math.max(nextMs, ASK_EVERY_MS))
    } catch (error) {
      for (const entry of group) {
        if (!entry.hasPlace) sends -= 1
        leave(entry)
        entry.fail(error)
      }
    } finally {
      calls -= 1
      askForAll()
    }
  }

  /** Until slots are near again. */
  function rest(ms: number): void {
    isResting = true
    setTimeout(() => {
      isResting = false
      askForAll()
    }, ms)
  }

  function take(
    entry: Waiting,
    answer: Exclude<AskAnswer, { kind: 'later' }>,
    askedAt: number,
    age: ClaimAge,
  ): void {
    leave(entry)
    if (answer.kind !== 'claimed' && answer.kind !== 'slot') return entry.settle(answer)
    const slot = answer.slotMs === undefined ? undefined : askedAt + answer.slotMs
    if (answer.kind === 'slot') return entry.settle({ kind: 'slot', slot })
    const { kind, message, sealedContent } = answer
    entry.settle({ kind, message, sealedContent, slot, age })
  }

  /** Its turn did not come yet. */
  function stay(entry: Waiting, message: Message | undefined): void {
    if (stopping.aborted) return end(entry, { kind: 'stopping' })
    if (entry.isOver) return end(entry, { kind: 'out-of-time' })
    if (!message) return
    entry.message = message
    endWithin(entry, leftMs(message))
  }

  function end(entry: Waiting, turn: NoTurn): void {
    leave(entry)
    entry.settle({ ...turn, message: entry.message })
  }

  function leave(entry: Waiting): void {
    waiting.delete(entry)
    clearTimeout(entry.timer)
  }

  function endAll(turn: NoTurn, isMeant: (entry: Waiting) => boolean = () => true): void {
    for (const entry of waiting) if (!entry.isAsked && isMeant(entry)) end(entry, turn)
  }
}

async function until(at: number): Promise<void> {
  const ms = at - performance.now()
  if (ms > 0) await sleep(ms)
}
