import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'

/** From one Redis round trip to the longest deadline, in seconds. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 900]

/** So often the delay of the event loop is measured, as it is told: `nodejs_eventloop_lag_*`. Each time wakes the process up. */
const EVENT_LOOP_LOOK_MS = 100

/** The metrics of one process. Labels are few and bounded: never a recipient, an id or a code. */
export function createMetrics() {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_LOOK_MS })
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Counter({ name: `relais_${name}`, help, labelNames, registers: [registry] })
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Gauge({ name: `relais_${name}`, help, labelNames, registers: [registry] })
  const histogram = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Histogram({ name: `relais_${name}`, help, labelNames, buckets: SECONDS, registers: [registry] })

  return {
    registry,
    accepted: counter('messages_accepted_total', 'Messages accepted', ['app', 'type']),
    ended: counter('messages_ended_total', 'Messages that reached an end', ['end', 'reason']),
    attempts: counter('send_attempts_total', 'Sends tried, by what came of them', ['outcome']),
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
    renewals: counter('token_renewals_total', 'Token renewals tried', ['outcome']),
    toSent: histogram('acceptance_to_sent_seconds', 'From acceptance until Meta took the message', []),
    toDelivered: histogram('acceptance_to_delivered_seconds', 'From acceptance until the phone had it', []),
    graphRequest: histogram('graph_request_seconds', 'Calls to Meta', ['outcome']),
    queueJobs: gauge('queue_jobs', 'Jobs in a queue', ['queue', 'state']),
    tokenExpiresIn: gauge('token_expires_in_seconds', 'Life left in the access token', []),
  }
}

export type Metrics = ReturnType<typeof createMetrics>
