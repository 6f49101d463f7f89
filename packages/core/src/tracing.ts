/**
 * What the rest knows of tracing: a message has a trace, from the request that brought it to its receipt. What makes the spans and
 * sends them away is `open-telemetry.ts`, which is loaded only where tracing is on. Pure, but for that.
 *
 * Every later step of a message hangs on the span in which it was accepted, and its record says which: so the order in which steps
 * come, and the processes that make them, do not matter.
 */
import type { Telemetry } from 'bullmq'
import type { Logger } from './logger.ts'

/** A place in a trace, as W3C Trace Context writes it: `00-<trace, 32 hex>-<span, 16 hex>-<01 = it is recorded>`. */
export type Traceparent = string

/** What may be said of a span. Nothing else can be: no URL, no text of an error, no number, no id of Meta's. */
export type SpanFacts = {
  'http.request.method'?: string
  'http.response.status_code'?: number
  'http.route'?: string
  'messaging.destination.name'?: string
  'messaging.system'?: 'bullmq'
  'relais.app'?: string
  'relais.attempt'?: number
  'relais.fbtrace_id'?: string
  'relais.graph_code'?: number
  'relais.is_news'?: boolean
  'relais.message_id'?: string
  'relais.messages'?: number
  'relais.outcome'?: string
  'relais.reason'?: string
  'relais.status'?: string
  'relais.token_version'?: number
  'relais.type'?: string
}

export type Span = {
  /** To be handed on to what hangs on it. */
  readonly traceparent: Traceparent
  /** False: nobody will see it, and nothing need hang on it. */
  readonly isRecorded: boolean
  /** @param isFault it failed on our side, or on Meta's */
  end: (facts?: SpanFacts, isFault?: boolean) => void
}

/** `link`: what else it has to do with. `beganAt`: milliseconds since 1970; now unless given. */
export type SpanStart = {
  kind: 'server' | 'client' | 'consumer' | 'internal'
  parent?: Traceparent | undefined
  link?: Traceparent | undefined
  beganAt?: number
  facts?: SpanFacts
}

export type Tracing = {
  begin: (name: string, start: SpanStart) => Span
  /** The span of the job that the caller is working at. */
  current: () => Traceparent | undefined
  /** For BullMQ's workers: a span for each job that has a trace. */
  telemetry: Telemetry
  /** Sends away what is left, for a second at most. */
  close: () => Promise<void>
}

/** A header, strictly: another version, or an id of zeros, is none. */
export function readTraceparent(header: unknown): Traceparent | undefined {
  if (typeof header !== 'string') return undefined
  const [, trace, span] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/.exec(header) ?? []
  return trace && span && !/^0+$/.test(trace) && !/^0+$/.test(span) ? header : undefined
}

export function traceIdOf(traceparent: Traceparent): string {
  return traceparent.slice(3, 35)
}

/** What BullMQ's options of a job say of its trace. Understood by other telemetry of BullMQ as well. */
export function jobTrace(traceparent: Traceparent): string {
  return `{"traceparent":"${traceparent}"}`
}

/**
 * Begins to trace, if it is on: `undefined` where it is off, and then nothing of OpenTelemetry is loaded from here.
 *
 * @param options.service what the process is called in traces, unless `OTEL_SERVICE_NAME` says otherwise
 */
export async function openTracing(
  isOn: boolean,
  options: { service: string; logger: Logger },
): Promise<Tracing | undefined> {
  if (!isOn) return undefined
  const { startTracing } = await import('./open-telemetry.ts')
  return startTracing(options)
}
