/** A collector of traces: takes OTLP over HTTP as JSON, and keeps it. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { eventually } from '@relais/testing'
import type { Scope } from './system.ts'

type Value = { stringValue?: string; intValue?: number | string; boolValue?: boolean }

/** Times are in nanoseconds since 1970. `kind`: 1 internal, 2 server, 3 client, 5 consumer. */
export type CollectedSpan = {
  service: string
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
  startTimeUnixNano: string
  endTimeUnixNano: string
  attributes: Record<string, unknown>
  links: { traceId: string; spanId: string }[]
  status: { code?: number; message?: string }
}

type RawSpan = Omit<CollectedSpan, 'attributes' | 'links' | 'service'> & {
  attributes?: { key: string; value: Value }[]
  links?: CollectedSpan['links']
}

type Export = {
  resourceSpans: {
    resource: { attributes: { key: string; value: Value }[] }
    scopeSpans: { spans: RawSpan[] }[]
  }[]
}

/** @param how.hangs it takes what it is sent, and never answers */
export async function startCollector(scope: Scope, { hangs = false } = {}) {
  const bodies: string[] = []
  const held = new Set<ServerResponse>()
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (text: string) => (body += text))
    request.on('end', () => {
      bodies.push(`${request.method} ${request.url} ${JSON.stringify(request.headers)}\n${body}`)
      if (hangs) held.add(response)
      else response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  scope.onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  const spans = () => bodies.flatMap((body) => spansIn(JSON.parse(body.slice(body.indexOf('\n'))) as Export))

  return {
    /** The settings of a process that traces to it, and sends spans soon. */
    env: {
      TRACING: 'on',
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_BSP_SCHEDULE_DELAY: '100',
    },
    spans,

    /** Everything it was sent, as it was sent. */
    received: () => bodies.join('\n'),
    requests: () => bodies.length,

    /** Waits until it has spans for which this holds. */
    has: (what: string, holds: (spans: CollectedSpan[]) => boolean) =>
      eventually(spans, holds, { timeoutMs: 20_000, what }),
  }
}

function spansIn({ resourceSpans }: Export): CollectedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = String(plain(resource.attributes)['service.name'])
    return scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        ...span,
        service,
        attributes: plain(span.attributes ?? []),
        links: span.links ?? [],
      })),
    )
  })
}

function plain(attributes: { key: string; value: Value }[]): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map(({ key, value: { stringValue, intValue, boolValue } }) => [
      key,
      stringValue ?? boolValue ?? (intValue === undefined ? undefined : Number(intValue)),
    ]),
  )
}
