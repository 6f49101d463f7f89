/**
 * A circuit breaker between this process and Meta. While Meta does not answer at all, sending one message after another would burn their
 * attempts, hold a socket for each, and make most of them uncertain. So after some sends in a row without an answer (the breaker opens)
 * messages wait, and one now and then is sent to find out. The first answer closes it.
 *
 * Answers of any kind count as one: a refusal proves that Meta is there. What counts against it is a send that found no connection, and one
 * that got nothing readable, be it silence, a reset or a proxy's page: of neither is known when it will be better, and both hold for
 * whatever would be sent next. The probe is a message and not some harmless question: Meta may well answer those while it takes no messages.
 *
 * Each process knows only its own way to Meta, in memory: that way may be broken for one machine alone, the others then take over what this
 * one gives back. A process that starts anew finds out with a few sends.
 */
import type { Events, Outcome } from '@relais/core'

/** So many sends in a row without an answer open it: more than one unlucky message can make. */
const OPENS_AFTER = 10

/** The first probe goes after so long, each later one a fifth later than the one before. */
const PROBE_FIRST_MS = 1000
const PROBE_GROWTH = 1.2
const PROBE_MOST_MS = 5000

/** While it is open. `hasProbe`: one message may go now. */
type Outage = { since: number; probes: number; hasProbe: boolean; timer?: NodeJS.Timeout }

/** @param deps.stopping aborted when the process is asked to stop: all who wait are told */
export function createCircuitBreaker(deps: {
  events: Pick<Events, 'providerUnreachable' | 'providerReachable'>
  stopping: AbortSignal
}) {
  const { events, stopping } = deps
  let failures = 0
  let outage: Outage | undefined
  const waiting = new Set<(mayTry: boolean) => void>()
  stopping.addEventListener('abort', () => wakeAll(false))

  return {
    isOpen: (): boolean => outage !== undefined,

    /** For how long it has been open, in milliseconds. Undefined: it is not. */
    openForMs: (): number | undefined => outage && performance.now() - outage.since,

    /** Waits until Meta answers, or a probe is due and this caller is first. False: neither came within `withinMs`, or the process stops. */
    async untilWorthTrying(withinMs: number): Promise<boolean> {
      if (!outage || outage.hasProbe) return true
      if (stopping.aborted) return false
      return new Promise((resolve) => {
        const settle = (mayTry: boolean) => {
          clearTimeout(timer)
          waiting.delete(settle)
          resolve(mayTry)
        }
        const timer = setTimeout(() => settle(false), withinMs)
        waiting.add(settle)
      })
    },

    /** Right before a send: may it go? While Meta does not answer only the probe may. */
    mayEnter(): boolean {
      if (!outage) return true
      const isProbe = outage.hasProbe
      outage.hasProbe = false
      return isProbe
    },

    /** What came of a send. */
    note(outcome: Outcome): void {
      switch (outcome.kind) {
        case 'accepted':
        case 'failed':
          failures = 0
          return outage && close(outage)
        case 'unsent':
        case 'ambiguous':
          failures += 1
          if (failures >= OPENS_AFTER && !outage) open(outcome.detail)
      }
    },
  }

  function open(detail: string): void {
    outage = { since: performance.now(), probes: 0, hasProbe: false }
    scheduleProbe(outage)
    events.providerUnreachable(detail)
  }

  function close({ since, probes, timer }: Outage): void {
    clearTimeout(timer)
    outage = undefined
    wakeAll(true)
    events.providerReachable({ probes, afterMs: Math.round(performance.now() - since) })
  }

  /** A probe that nobody takes is kept for the next who comes: there is never more than one. */
  function scheduleProbe(present: Outage): void {
    const gapMs = Math.min(PROBE_MOST_MS, PROBE_FIRST_MS * PROBE_GROWTH ** present.probes)
    const offer = () => {
      present.probes += 1
      present.hasProbe = true
      const [first] = waiting
      first?.(true)
      scheduleProbe(present)
    }
    present.timer = setTimeout(offer, gapMs).unref()
  }

  function wakeAll(mayTry: boolean): void {
    for (const wake of waiting) wake(mayTry)
  }
}

export type CircuitBreaker = ReturnType<typeof createCircuitBreaker>
