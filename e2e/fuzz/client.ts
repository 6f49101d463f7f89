/** Puts a request on the wire, and tells what came back. */
import { createHmac, randomUUID } from 'node:crypto'
import { Agent, request as open } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { Webhook } from 'standardwebhooks'
import type { FuzzRequest } from './requests.ts'

/** Whoever has no answer by then waits for one that does not come. */
const HANGS_AFTER_MS = 20_000

/** The rest of a larger request may still be on its way when the answer is written and the connection closed: then the answer can get lost. */
const MAY_BE_CUT_BYTES = 16 * 1024

const AGAIN_MS = 500

/** A callback that is set anew, or removed, is another one than those that are asked about. */
const APPS: Readonly<Record<string, string>> = { PUT: 'ledger', DELETE: 'shop' }

export type Answer = {
  /** 0: none. */
  statusCode: number
  headers: Record<string, string | string[] | undefined>
  body: string
  durationMs: number
  /** Why there is no answer. */
  failure?: string
  /** The first try was in vain. */
  isRepeated?: boolean
}

export function createClient(deps: {
  apiUrl: string
  secrets: { apiKey: string; otherApiKey: string; opsKey: string; appSecret: string; hookSecret: string }
  /** A message whose code an operator may read, or send again. */
  fallenId: string
  /** A verification whose code may be sent again. */
  resendableId: string
}) {
  const { apiUrl, secrets } = deps
  const { hostname, port } = new URL(apiUrl)
  const agent = new Agent({ keepAlive: true })
  /** Messages that were accepted, for the requests about one. */
  const ids = ['msg_none']
  const verifications = ['ver_none']
  let turn = 0

  return {
    close: () => agent.destroy(),

    /**
     * Sends it. Once more if the connection broke, which the server may have closed at this very moment, and after a 503: a crowded machine
     * may keep Redis waiting. Neither happens twice.
     */
    async send(request: FuzzRequest): Promise<Answer> {
      const first = await exchange(request)
      const isPassing = first.failure === 'ECONNRESET' || first.statusCode === 503
      if (isPassing) await sleep(AGAIN_MS)
      const answer = isPassing ? { ...(await exchange(request)), isRepeated: true } : first
      const path = request.operation?.path
      if (answer.statusCode === 202 && path === '/api/messages') keep(ids, answer)
      if (answer.statusCode === 202 && path === '/api/verifications') keep(verifications, answer)
      return answer
    },
  }

  function exchange(request: FuzzRequest): Promise<Answer> {
    const id = idFor(request)
    const body = request.body && withId(request.body, id)
    const headers = {
      ...keyOf(request),
      ...(body && framing(body, request.isChunked)),
      ...request.headers,
      ...(request.isSigned && signatures(body ?? Buffer.alloc(0))),
    }
    const size = Object.entries(headers).flat().join('').length + (body?.length ?? 0)
    const path = request.target
      .replaceAll('{id}', id)
      .replaceAll('{name}', 'messages')
      .replaceAll('{app}', APPS[request.method] ?? 'wallet')
    const startedAt = performance.now()
    return new Promise((resolve) => {
      const end = (answer: Omit<Answer, 'durationMs'>) =>
        resolve({ ...answer, durationMs: performance.now() - startedAt })
      const fail = (error: NodeJS.ErrnoException) => {
        const isCut = ['ECONNRESET', 'EPIPE'].includes(error.code ?? '') && size > MAY_BE_CUT_BYTES
        end({ statusCode: 0, headers: {}, body: '', failure: isCut ? 'cut' : (error.code ?? error.message) })
      }
      const options = {
        agent,
        hostname,
        port,
        method: request.method,
        path,
        headers,
        timeout: HANGS_AFTER_MS,
      }
      const sent = open(options, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', fail)
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString()
          end({ statusCode: response.statusCode ?? 0, headers: response.headers, body: text })
        })
      })
      sent.on('error', fail).on('timeout', () => sent.destroy(new Error('hangs')))
      sent.end(body)
    })
  }

  function keep(some: string[], { body }: Answer): void {
    some.unshift((JSON.parse(body) as { id: string }).id)
    some.length = Math.min(some.length, 20)
  }

  /** The latest may still be taken back; all else is asked of each in turn. */
  function idFor({ method, target }: FuzzRequest): string {
    turn += 1
    if (target.startsWith('/api/fallback')) return deps.fallenId
    if (target.startsWith('/api/admin/messages') && target.endsWith('/resend')) return deps.fallenId
    if (target.endsWith('/resend')) return deps.resendableId
    if (target.startsWith('/api/verifications')) return verifications[turn % verifications.length] ?? ''
    const isCancel = method === 'DELETE' || target.endsWith('/cancel')
    return ids[isCancel ? 0 : turn % ids.length] ?? ''
  }

  function keyOf({ who, oddKey }: FuzzRequest): Record<string, string> {
    switch (who) {
      case 'app':
        return { authorization: `Bearer ${secrets.apiKey}` }
      case 'other app':
        return { authorization: `Bearer ${secrets.otherApiKey}` }
      case 'operator':
        return { authorization: `Bearer ${secrets.opsKey}` }
      case 'operator on the page':
        return { authorization: `Basic ${Buffer.from(`awa:${secrets.opsKey}`).toString('base64')}` }
      case 'odd':
        return { authorization: oddKey.trim() }
      case 'none':
        return {}
    }
  }

  /** As Meta signs, and as Supabase does. */
  function signatures(body: Buffer): Record<string, string> {
    const [id, at] = [randomUUID(), new Date()]
    return {
      'x-hub-signature-256': `sha256=${createHmac('sha256', secrets.appSecret).update(body).digest('hex')}`,
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': new Webhook(secrets.hookSecret).sign(id, at, body.toString()),
    }
  }
}

function framing(body: Buffer, isChunked: boolean): Record<string, string> {
  return isChunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': String(body.length) }
}

function withId(body: Buffer, id: string): Buffer {
  return body.includes('"{id}"') ? Buffer.from(body.toString().replaceAll('"{id}"', `"${id}"`)) : body
}
