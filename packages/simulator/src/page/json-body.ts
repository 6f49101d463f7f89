import type { IncomingMessage } from 'node:http'

const BODY_CAP_BYTES = 32_768
const BODY_TIMEOUT_MS = 5000

/** A request that cannot be done: HTTP status and a sentence for the caller. */
export type Complaint = { readonly statusCode: number; readonly error: string }

export type JsonObject = Readonly<Record<string, unknown>>

/** Reads a JSON object of at most 32 kB within 5 s. */
export async function readBody(
  request: IncomingMessage,
): Promise<{ body: JsonObject } | { complaint: Complaint }> {
  const raw = await readText(request)
  if (typeof raw !== 'string') return { complaint: raw }
  try {
    const body: unknown = JSON.parse(raw)
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return { body: body as JsonObject }
  } catch {
    // Falls through: not JSON at all.
  }
  return { complaint: { statusCode: 400, error: 'the body must be a JSON object' } }
}

async function readText(request: IncomingMessage): Promise<string | Complaint> {
  const chunks: Buffer[] = []
  let bytes = 0
  const timer = setTimeout(() => request.destroy(), BODY_TIMEOUT_MS)
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      bytes += (chunk as Buffer).length
      if (bytes > BODY_CAP_BYTES)
        return { statusCode: 413, error: `the body may have ${BODY_CAP_BYTES} bytes` }
      chunks.push(chunk as Buffer)
    }
    return Buffer.concat(chunks).toString('utf8')
  } catch {
    return { statusCode: 400, error: 'the body did not arrive' }
  } finally {
    clearTimeout(timer)
  }
}
