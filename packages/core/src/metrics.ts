import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import { FALLBACK_REASONS, MESSAGE_TYPES } from './message.ts'
import { VERSION } from './version.ts'

/** From one Redis round trip to the longest deadline, in seconds. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 900]

/** So often the delay of the event loop is measured, as it is told: `nodejs_eventloop_lag_*`. Each time wakes the process up. */
const EVENT_LOOP_LOOK_MS = 100

/** Names of templates are the apps' to choose: so many, each in one language, are told apart by a process, and the rest is `other`. */
const MOST_TEMPLATES = 50

/** What becomes of a message with a template. */
const TEMPLATE_STATES = ['sent', 'delivered', 'failed'] as const

export type TemplateState = (typeof TEMPLATE_STATES)[number]

/** Ends without a reason; the fallback has one of its own. */
const ENDS = ['delivered', 'expired', 'canceled', 'used']

/** What comes of an event of an app: it is taken, tried again, or given up. */
const CALLBACK_OUTCOMES = ['delivered', 'failed', 'dead'] as const

/** What the sweep finds: no job, a fallback that was decided and not written, or no record any more. */
export const REPAIRS = ['job_lost', 'fallback_unwritten', 'record_lost'] as const

/**
 * The metrics of one process. Labels are few and bounded: never a recipient, an id or a code.
 *
 * What counts things that should not happen is there from the start with 0: Prometheus sees no increase in a counter that comes to be with 1.
 */
export function createMetrics() {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_LOOK_MS })
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Counter({ name: `relais_${name}`, help, labelNames, registers: [registry] })
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[]) => {
    const made = new Gauge({ name: `relais_${name}`, help, labelNames, registers: [registry] })
    // One without labels would say 0 before anybody has looked.
    made.remove({})
    return made
  }
  const histogram = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Histogram({ name: `relais_${name}`, help, labelNames, buckets: SECONDS, registers: [registry] })

  const metrics = {
    registry,
    accepted: counter('messages_accepted_total', 'Messages accepted', ['app', 'type']),
    ended: counter('messages_ended_total', 'Messages that reached an end', ['end', 'reason']),
    attempts: counter('send_attempts_total', 'Sends tried, by what came of them', ['outcome']),
    templateMessages: counter('template_messages_total', 'Messages with a template, by what became of them', [
      'template',
      'language',
      'state',
    ]),
    possibleDuplicates: counter('possible_duplicates_total', 'Messages sent again without knowing', []),
    repairs: counter('sweep_repairs_total', 'Messages whose job or fallback got lost and was put back', [
      'kind',
    ]),
    limited: counter('limited_total', 'Messages refused by a limit', ['limit']),
    loginsFailed: counter('logins_failed_total', 'Keys that were not right, or not any more', ['why']),
    webhooksRefused: counter(
      'webhooks_refused_total',
      'Webhooks that were not signed with our app secret',
      [],
    ),
    callbacks: counter('callbacks_total', 'Events posted to apps, by what came of it', ['outcome']),
    renewals: counter('token_renewals_total', 'Token renewals tried', ['outcome']),
    toSent: histogram('acceptance_to_sent_seconds', 'From acceptance until Meta took the message', []),
    toDelivered: histogram('acceptance_to_delivered_seconds', 'From acceptance until the phone had it', []),
    graphRequest: histogram('graph_request_seconds', 'Calls to Meta', ['outcome']),
    queueJobs: gauge('queue_jobs', 'Jobs in a queue', ['queue', 'state']),
    oldestWaiting: gauge('oldest_waiting_seconds', 'Age of the oldest that is not sent, or not written', [
      'queue',
    ]),
    tokenExpiresIn: gauge('token_expires_in_seconds', 'Life left in the access token', []),
    tokenState: gauge('token_state', 'The state of the access token: 1 for the present one', ['state']),
    renewalFailures: gauge('token_renewal_failures', 'Renewals that failed in a row', []),
    paused: gauge('paused', 'What nothing is sent with for now: 1 each', ['what', 'reason']),
    senderRate: gauge('sender_rate_per_second', 'The pace of the sender; 0 is no pacing', []),
    senderSlowed: gauge('sender_slowed', 'Meta has the sender slow down', []),
    providerUnreachable: gauge('provider_unreachable', 'Meta does not answer this process', []),
    receiptsExpected: gauge('receipts_expected', 'Receipts are configured', []),
    lastReceiptAge: gauge('last_receipt_age_seconds', 'Since the last webhook; infinite: none ever came', []),
    redisUsedMemory: gauge('redis_used_memory_bytes', 'Memory that Redis uses', []),
    redisMaxMemory: gauge('redis_max_memory_bytes', 'Memory that Redis may use; 0 is no limit', []),
    gaugesAge: gauge('gauges_age_seconds', 'Since the gauges that Redis tells were brought up to date', []),
    buildInfo: gauge('build_info', 'What runs here', ['version', 'node']),
  }
  for (const end of ENDS) metrics.ended.inc({ end, reason: '' }, 0)
  for (const reason of FALLBACK_REASONS) metrics.ended.inc({ end: 'fallback', reason }, 0)
  for (const kind of REPAIRS) metrics.repairs.inc({ kind }, 0)
  for (const outcome of CALLBACK_OUTCOMES) metrics.callbacks.inc({ outcome }, 0)
  for (const outcome of ['renewed', 'failed']) metrics.renewals.inc({ outcome }, 0)
  metrics.attempts.inc({ outcome: 'accepted' }, 0)
  metrics.buildInfo.set({ version: VERSION, node: process.versions.node }, 1)
  const labelsOf = boundTemplates((labels) => {
    for (const state of TEMPLATE_STATES) metrics.templateMessages.inc({ ...labels, state }, 0)
  })

  return {
    ...metrics,

    /** This template will be used: what becomes of its messages is counted from 0 on. */
    expectTemplate: (template: string, language: string): void => void labelsOf(template, language),

    /** These apps will send: their messages are counted from 0 on. */
    expectApps(apps: readonly string[]): void {
      for (const app of apps) for (const type of MESSAGE_TYPES) metrics.accepted.inc({ app, type }, 0)
    },

    /** Counts a message of a template. */
    templateMessage(template: string, language: string, state: TemplateState): void {
      metrics.templateMessages.inc({ ...labelsOf(template, language), state })
    },
  }
}

export type Metrics = ReturnType<typeof createMetrics>

type TemplateLabels = { template: string; language: string }

/** @param onNew told of each pair of labels, before it is used */
function boundTemplates(onNew: (labels: TemplateLabels) => void) {
  const known = new Map<string, TemplateLabels>()
  const keep = (key: string, labels: TemplateLabels) => {
    onNew(labels)
    known.set(key, labels)
    return labels
  }
  return (template: string, language: string): TemplateLabels => {
    const found = known.get(`${template} ${language}`)
    if (found) return found
    if (known.size < MOST_TEMPLATES) return keep(`${template} ${language}`, { template, language })
    // No template has an empty name.
    return known.get('') ?? keep('', { template: 'other', language: 'other' })
  }
}
