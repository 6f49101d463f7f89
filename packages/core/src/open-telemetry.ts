/**
 * Tracing by OpenTelemetry: spans go to a collector by OTLP over HTTP, as JSON. Where that is, how much is recorded and how it is sent, the
 * SDK reads from its own environment names (`OTEL_*`).
 *
 * Nothing is traced by itself: no library is patched, so no URL, header, command or text of an error gets into a span. What may is
 * `SpanFacts`.
 *
 * A collector that is away or hangs costs what the SDK keeps in memory for it (2048 spans unless set otherwise), and nothing else.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace as traceApi,
  TraceFlags,
  type Context,
  type SpanContext,
} from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-base'
import { SpanKind as JobSpanKind, type Telemetry } from 'bullmq'
import type { Logger } from './logger.ts'
import {
  jobTrace,
  readTraceparent,
  type Span,
  type SpanStart,
  type Traceparent,
  type Tracing,
} from './tracing.ts'

/** What is left gets so long to be sent when the process ends. */
const LAST_SPANS_MS = 1000

/** That spans do not arrive is said so often. */
const SAY_AGAIN_MS = 30_000

const KINDS = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  consumer: SpanKind.CONSUMER,
  internal: SpanKind.INTERNAL,
}

export function startTracing({ service, logger }: { service: string; logger: Logger }): Tracing {
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': service }).merge(
      detectResources({ detectors: [envDetector] }),
    ),
    spanProcessors: [new BatchSpanProcessor(watched(new OTLPTraceExporter(), logger))],
  })
  const tracer = provider.getTracer('relais')
  const atWork = new AsyncLocalStorage<Traceparent | undefined>()

  function begin(name: string, { kind, parent, link, beganAt, facts }: SpanStart): Span {
    const linked = link === undefined ? undefined : contextOf(link)
    const span = tracer.startSpan(
      name,
      {
        kind: KINDS[kind],
        ...(facts && { attributes: facts }),
        ...(linked && { links: [{ context: linked }] }),
        ...(beganAt !== undefined && { startTime: beganAt }),
      },
      contextUnder(parent),
    )
    const traceparent = written(span.spanContext())
    return {
      traceparent,
      isRecorded: span.isRecording(),
      end(more, isFault) {
        if (more) span.setAttributes(more)
        if (isFault) span.setStatus({ code: SpanStatusCode.ERROR })
        span.end()
      },
    }
  }

  return {
    begin,
    current: () => atWork.getStore(),
    telemetry: jobTelemetry(begin, atWork),
    close: () => Promise.race([provider.shutdown().catch(() => undefined), sleep(LAST_SPANS_MS)]),
  }
}

/**
 * BullMQ's telemetry, as far as it is wanted: a span for each time that a job is worked at, if the job has a trace. What else BullMQ
 * would make spans of (looking for jobs, locks, errors with their texts) is left out. Its contexts are the traceparents themselves.
 */
function jobTelemetry(
  begin: Tracing['begin'],
  atWork: AsyncLocalStorage<Traceparent | undefined>,
): Telemetry<Traceparent | undefined> {
  const nothing = {
    setSpanOnContext: (context: Traceparent | undefined) => context,
    setAttribute: () => undefined,
    setAttributes: () => undefined,
    addEvent: () => undefined,
    recordException: () => undefined,
    end: () => undefined,
  }
  return {
    tracer: {
      startSpan(name, options, parent) {
        if (options?.kind !== JobSpanKind.CONSUMER || parent === undefined) return nothing
        const [, queue = name] = name.split(' ')
        const facts = { 'messaging.system': 'bullmq', 'messaging.destination.name': queue } as const
        const span = begin(name, { kind: 'consumer', parent, facts })
        return { ...nothing, setSpanOnContext: () => span.traceparent, end: () => span.end() }
      },
    },
    contextManager: {
      with: (context, fn) => atWork.run(context, fn) as ReturnType<typeof fn>,
      active: () => atWork.getStore(),
      root: () => undefined,
      getMetadata: (context) => (context === undefined ? '' : jobTrace(context)),
      fromMetadata: (_active, metadata) => traceparentIn(metadata),
    },
  }
}

/** Whatever is in the options of a job, it must not stop the work. */
function traceparentIn(metadata: string): Traceparent | undefined {
  try {
    const { traceparent } = JSON.parse(metadata) as { traceparent?: unknown }
    return readTraceparent(traceparent)
  } catch {
    return undefined
  }
}

function contextUnder(parent: Traceparent | undefined): Context {
  const context = parent === undefined ? undefined : contextOf(parent)
  return context ? traceApi.setSpanContext(ROOT_CONTEXT, context) : ROOT_CONTEXT
}

function contextOf(traceparent: Traceparent): SpanContext | undefined {
  const valid = readTraceparent(traceparent)
  if (valid === undefined) return undefined
  const [, traceId = '', spanId = '', flags = '00'] = valid.split('-')
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED, isRemote: true }
}

function written({ traceId, spanId, traceFlags }: SpanContext): Traceparent {
  return `00-${traceId}-${spanId}-${traceFlags & TraceFlags.SAMPLED ? '01' : '00'}`
}

/** Says that spans did not arrive. Not why: the text of the fault may hold the address, and what is in it. */
function watched(exporter: SpanExporter, logger: Logger): SpanExporter {
  let saidAt = -Infinity
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.code !== 0 && performance.now() - saidAt >= SAY_AGAIN_MS) {
          saidAt = performance.now()
          const facts = { event: 'tracing.not_exported', spans: spans.length }
          logger.warn(facts, 'the collector does not take spans: see OTEL_EXPORTER_OTLP_ENDPOINT')
        }
        done(result)
      })
    },
    shutdown: () => exporter.shutdown(),
    ...(exporter.forceFlush && { forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve() }),
  }
}
