import type { Faults } from '../graph/faults.ts'
import type { TokenSummary } from '../world/access-tokens.ts'
import type { AccountState } from '../world/account-state.ts'
import type { Clock } from '../world/clock.ts'
import type { MessageLog } from '../world/message-log.ts'
import { formatNumber } from '../world/phone-number.ts'
import type { WebhookSender } from '../webhooks/sender.ts'
import { showFaults } from './panel-faults.ts'
import { showWebhooks } from './panel-webhooks.ts'

type PanelSources = {
  clock: Pick<Clock, 'now' | 'speed'>
  messages: MessageLog
  calls: { total: () => number }
  faults: Pick<Faults, 'waiting' | 'list'>
  tokens: { list: () => readonly TokenSummary[]; lastSender: () => string | undefined }
  account: { read: () => AccountState }
  /** Pairs that may not send freely, deepest debt first. */
  pairs: { inDebt: () => readonly { readonly waId: string; readonly debt: number }[] }
  webhooks: WebhookSender
}

const TOKENS_SHOWN = 6
const PAIRS_SHOWN = 3
/** What pages make of the clock may be off by so much before they are told again. */
const CLOCK_SLACK_MS = 1000

/**
 * The panel beside the phones: clock, tokens as fingerprints, limits, faults, webhooks. Times are milliseconds of
 * simulated time. Nothing is worked out until somebody asks.
 */
export function createPanel(sources: PanelSources) {
  const { clock } = sources
  let told = ''
  let anchor = { simulated: 0, real: 0, speed: 0 }

  function clockJumped(): boolean {
    const expected = anchor.simulated + (performance.now() - anchor.real) * anchor.speed
    return (
      clock.speed() !== anchor.speed ||
      Math.abs(clock.now() - expected) > CLOCK_SLACK_MS * Math.max(1, anchor.speed)
    )
  }

  function now() {
    const panel = readPanel(sources)
    told = JSON.stringify(panel)
    anchor = { simulated: clock.now(), real: performance.now(), speed: clock.speed() }
    return { clock: { now: anchor.simulated, speed: anchor.speed }, ...panel }
  }

  return {
    now,
    /** The panel, if it is not what was told last; clocks run on by themselves. */
    changed: () => (clockJumped() || JSON.stringify(readPanel(sources)) !== told ? now() : undefined),
  }
}

export type Panel = ReturnType<typeof createPanel>

function readPanel(sources: PanelSources) {
  const { messages, calls, faults, webhooks } = sources
  return {
    totals: { messages: messages.total(), calls: calls.total() },
    faults: showFaults(faults),
    tokens: showTokens(sources),
    limits: { throughput: showThroughput(sources), pairs: showPairs(sources) },
    webhooks: showWebhooks(webhooks),
  }
}

/** The newest first; the one that sends use always among them. */
function showTokens({ tokens }: PanelSources) {
  const all = tokens.list().toReversed()
  const last = tokens.lastSender()
  const shown = all.filter(({ fingerprint }, index) => index < TOKENS_SHOWN || fingerprint === last)
  return {
    total: all.length,
    list: shown.map(({ fingerprint, type, state, issuedAt, expiresAt }) => {
      return { fingerprint, type, state, issuedAt, expiresAt, isLastUsed: fingerprint === last }
    }),
  }
}

/** Messages of the last simulated second, against what all numbers may send together; 0 = unlimited. */
function showThroughput({ messages, account, clock }: PanelSources) {
  const limits = account.read().numbers.map(({ throughputPerSecond }) => throughputPerSecond)
  const since = clock.now() - 1000
  const list = messages.list()
  let count = 0
  while ((list[list.length - 1 - count]?.acceptedAt ?? -Infinity) > since) count += 1
  return { now: count, limit: limits.includes(0) ? 0 : limits.reduce((sum, limit) => sum + limit, 0) }
}

function showPairs({ pairs, account }: PanelSources) {
  const debts = pairs.inDebt()
  return {
    isOn: account.read().limits.pair !== 'off',
    inDebt: debts.length,
    deepest: debts.slice(0, PAIRS_SHOWN).map(({ waId, debt }) => {
      return { label: formatNumber(waId), debt: Math.round(debt * 10) / 10 }
    }),
  }
}
