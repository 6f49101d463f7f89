/**
 * Use case: everything that operators see at a glance. What is asked of Redis takes a handful of small calls; Meta is asked in the background, so
 * that a slow Meta is seen on the page and not waited for.
 */
import {
  counted,
  diagnose,
  FAILURES,
  isAlive,
  oldestJobAt,
  REASONS,
  sum,
  type CallbackOutbox,
  type Clock,
  type FallbackReason,
  type Finding,
  type GuardStop,
  type LivingProcess,
  type Minute,
  type PacedSender,
  type PaceState,
  type Pacing,
  type Pause,
  type Presence,
  type RedisFacts,
  type Ruling,
  type Rulings,
  type Sender,
  type Tallies,
  type Unsettled,
} from '@relais/core'
import type { Queue } from 'bullmq'
import type { LookAtMeta, NumberDetails } from './meta-look.ts'
import type { createWhatsappStatus, WhatsappStatus } from './whatsapp-status.ts'

/** While somebody looks, Meta is asked so often at most: below the 5000 calls that it allows in an hour. */
const LOOK_EVERY_MS = 1000

/** The first look of all is waited for so long. */
const FIRST_LOOK_MS = 2000

const RECENT_MINUTES = 5

/** One minute of the last hour. `at`: its beginning, in milliseconds since 1970. */
type OverviewMinute = {
  at: number
  accepted: number
  sent: number
  delivered: number
  fallback: number
  receipts: number
}

/** A reason for which messages fell back within the hour. */
export type OverviewReason = { reason: FallbackReason; count: number; meaning: string; remedy: string }

/** A fault of Meta's within the hour. `code`: Meta's, or what we call it where there was none. */
export type OverviewFault = { code: string; title: string; count: number; meaning: string; remedy: string }

export type OverviewProcess = Pick<
  LivingProcess,
  'name' | 'version' | 'host' | 'pid' | 'startedAt' | 'seenAt'
> & {
  isAlive: boolean
}

/** Times are milliseconds since 1970. */
export type Overview = {
  at: number
  mode: WhatsappStatus['mode']
  findings: Finding[]
  status: Omit<WhatsappStatus, 'mode'>
  phone: NumberDetails
  meta: {
    /** Calls within the last minutes, and how long one took on the average, in milliseconds. */
    calls: number
    meanMs: number | null
    faults: OverviewFault[]
  }
  reasons: OverviewReason[]
  minutes: OverviewMinute[]
  queues: {
    /** Per minute, over the last minutes. */
    inPerMinute: number
    outPerMinute: number
    oldestWaitingMs: number | null
    oldestFallbackMs: number | null
    isPaused: boolean
    receipts: number
  }
  receiptsLately: { count: number; refused: number }
  pauses: Pause[]
  pace: PaceState
  /** What operators have ruled about prefixes of numbers, and those that the guard against pumping has stopped. */
  rulings: Ruling[]
  stops: GuardStop[]
  /** Messages that were refused at the door within the hour, by the limit. */
  refused: { limit: string; count: number }[]
  processes: OverviewProcess[]
  redis: { usedMemoryBytes: number; maxMemoryBytes: number }
}

export function createOverview(deps: {
  sender: PacedSender & Pick<Sender, 'app'>
  isSenderSet: boolean
  whatsappStatus: ReturnType<typeof createWhatsappStatus>
  metaLook: LookAtMeta
  tallies: Pick<Tallies, 'lastHour'>
  presence: Pick<Presence, 'all'>
  pacing: Pick<Pacing, 'state'>
  rulings: Pick<Rulings, 'list'>
  unsettled: Pick<Unsettled, 'oldestWaiting'>
  queues: { messages: Queue; fallback: Queue; receipts: Queue }
  redisFacts: () => Promise<Pick<RedisFacts, 'usedMemoryBytes' | 'maxMemoryBytes'>>
  callbacks: Pick<CallbackOutbox, 'paused'>
  fallbackPercent: number
  clock: Pick<Clock, 'now'>
}) {
  const { sender, metaLook, queues, clock } = deps

  /**
   * Rejects while Redis does not answer.
   *
   * @param how.lookEveryMs how old what is known of Meta may be
   * @param how.waitMs for so long the first look of all is waited for
   */
  return async ({
    lookEveryMs = LOOK_EVERY_MS,
    waitMs = FIRST_LOOK_MS,
  }: { lookEveryMs?: number; waitMs?: number } = {}): Promise<Overview> => {
    const [
      { seen, mode, ...status },
      minutes,
      processes,
      pace,
      oldestWaitingAt,
      oldestFallbackAt,
      redis,
      more,
    ] = await Promise.all([
      deps.whatsappStatus(() => metaLook.latest({ maxAgeMs: lookEveryMs, waitMs })),
      deps.tallies.lastHour(),
      deps.presence.all(),
      deps.pacing.state(sender),
      deps.unsettled.oldestWaiting(),
      oldestJobAt(queues.fallback),
      memoryOf(),
      Promise.all([
        queues.messages.isPaused(),
        queues.receipts.count(),
        deps.rulings.list(),
        deps.callbacks.paused(),
      ]),
    ])
    const now = clock.now()
    const { look, record, present, state, pauses } = seen
    const [isPaused, receipts, { rulings, stops }, pausedCallbacks] = more
    const findings = diagnose({
      now,
      isSenderSet: deps.isSenderSet,
      token: {
        state,
        present,
        canRenew: sender.app.of(record) !== undefined,
        restoredAt: record?.restoredAt,
        lastRenewal: record?.lastRenewal,
        lastCheck: record?.lastCheck,
      },
      meta: look && {
        reachable: look.reachable,
        latencyMs: look.latencyMs,
        ...(look.refusal !== undefined && { refusal: look.refusal }),
        ...(look.fault !== undefined && { fault: look.fault }),
        ...(look.phone?.qualityRating !== undefined && { qualityRating: look.phone.qualityRating }),
      },
      pauses,
      pace,
      processes,
      redis,
      receipts: {
        expected: status.receipts.expected,
        lastAt: status.receipts.lastAt === null ? null : Date.parse(status.receipts.lastAt),
      },
      oldestWaitingAt,
      oldestFallbackAt,
      pausedCallbacks,
      minutes,
      fallbackPercent: deps.fallbackPercent,
    })
    const lately = minutes.slice(-RECENT_MINUTES)
    const calls = sum(lately, (name) => name.startsWith('call:'))
    return {
      at: now,
      mode,
      findings,
      status,
      phone: metaLook.details(),
      meta: {
        calls,
        meanMs: calls > 0 ? Math.round(sum(lately, (name) => name === 'call-ms') / calls) : null,
        faults: faultsOf(minutes),
      },
      reasons: reasonsOf(minutes),
      minutes: minutes.map(shownMinute),
      queues: {
        inPerMinute: perMinute(lately, now, 'accepted'),
        outPerMinute: perMinute(lately, now, 'sent'),
        oldestWaitingMs: oldestWaitingAt === undefined ? null : Math.max(0, now - oldestWaitingAt),
        oldestFallbackMs: oldestFallbackAt === undefined ? null : Math.max(0, now - oldestFallbackAt),
        isPaused,
        receipts,
      },
      receiptsLately: {
        count: sum(lately, (name) => name === 'receipt'),
        refused: sum(lately, (name) => name === 'webhook-refused'),
      },
      pauses,
      pace,
      rulings,
      stops,
      refused: [...counted(minutes, 'limited:')].map(([limit, count]) => ({ limit, count })),
      processes: processes.map(({ name, version, host, pid, startedAt, seenAt }) => ({
        name,
        version,
        host,
        pid,
        startedAt,
        seenAt,
        isAlive: isAlive(seenAt, now),
      })),
      redis,
    }
  }

  /** A Redis that does not tell has room, as far as anybody knows. */
  async function memoryOf(): Promise<{ usedMemoryBytes: number; maxMemoryBytes: number }> {
    const { usedMemoryBytes = 0, maxMemoryBytes = 0 } = await deps
      .redisFacts()
      .catch((): Awaited<ReturnType<typeof deps.redisFacts>> => ({
        usedMemoryBytes: undefined,
        maxMemoryBytes: undefined,
      }))
    return { usedMemoryBytes, maxMemoryBytes }
  }
}

export type ReadOverview = ReturnType<typeof createOverview>

function shownMinute(minute: Minute): OverviewMinute {
  const count = (name: string) => minute.counts.get(name) ?? 0
  return {
    at: minute.at,
    accepted: count('accepted'),
    sent: count('sent'),
    delivered: count('delivered'),
    fallback: sum([minute], (name) => name.startsWith('fallback:')),
    receipts: count('receipt'),
  }
}

/** Since something was counted first; the minute that has begun counts for as long as it lasts by now. */
function perMinute(minutes: readonly Minute[], now: number, name: string): number {
  const first = minutes.findIndex(({ counts }) => counts.size > 0)
  const begun = minutes.at(-1)
  if (!begun || first < 0) return 0
  const minutesLong = minutes.length - first - 1 + Math.min(1, Math.max(0, now - begun.at) / 60_000)
  return Math.round(sum(minutes, (each) => each === name) / Math.max(1 / 60, minutesLong))
}

function reasonsOf(minutes: readonly Minute[]): OverviewReason[] {
  return [...counted(minutes, 'fallback:')].map(([name, count]) => {
    const reason = name as FallbackReason
    return { reason, count, ...REASONS[reason] }
  })
}

/** Faults that carry no code of Meta's, by what became of the attempt. */
const WITHOUT_CODE: Readonly<Record<string, Omit<OverviewFault, 'code' | 'count'>>> = {
  unsent: {
    title: 'No connection',
    meaning: 'No connection to Meta was made.',
    remedy: 'Check the way out of the workers to graph.facebook.com: DNS, firewall, proxy.',
  },
  ambiguous: {
    title: 'No readable answer',
    meaning: 'The call was made, and nothing readable came back: Meta may have the message.',
    remedy:
      'Nothing: a receipt is waited for. If it goes on, look at the way to Meta, and at SEND_TIMEOUT_MS.',
  },
}

const UNKNOWN_FAULT = {
  title: 'Unknown error',
  meaning: "An error that Meta's documentation did not have when this was written.",
  remedy: "Read Meta's words in the timeline of a message.",
}

function faultsOf(minutes: readonly Minute[]): OverviewFault[] {
  return [...counted(minutes, 'error:')].map(([code, count]) => {
    const row = FAILURES.find(({ graphCode }) => String(graphCode) === code)
    const { title, meaning, remedy } = row ?? WITHOUT_CODE[code] ?? UNKNOWN_FAULT
    return { code, count, title, meaning, remedy }
  })
}
