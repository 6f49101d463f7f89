/**
 * Posts an event to the endpoint of an app, signed: see `standard-webhooks.ts`.
 *
 * The endpoint's name is looked up here, once for each connection; all its addresses are looked at; and the connection is made to exactly these. So a
 * name that says one thing to who checks and another to who connects gains nothing. Redirects are answers like others, and what is answered is not read.
 */
import type { LookupOptions } from 'node:dns'
import { lookup as lookUp } from 'node:dns/promises'
import { callbackify } from 'node:util'
import { Agent, request } from 'undici'
import { fieldOf } from '../graph/wire.ts'
import type { Secret } from '../secret.ts'
import { postedWith, signedHeaders, type Posted, type Signable } from '../standard-webhooks.ts'
import { addressIn, isPublicAddress } from './callback-url.ts'

/** From the look-up of the name to the head of the answer. */
const WITHIN_MS = 5000

/** A connection without a post is kept for so long. */
const IDLE_MS = 4000

/** So much of an answer is let pass to keep its connection; more, and it is closed. */
const MOST_ANSWER_BYTES = 16 * 1024

export type Address = { address: string; family: number }

/** It leads to where callbacks must not go. */
class PrivateAddressError extends Error {
  override name = 'PrivateAddressError'
  readonly code = 'ERR_PRIVATE_ADDRESS'
}

/**
 * Nothing that it answers holds the URL, which may be a secret by itself.
 *
 * @param options.isPrivateAllowed for tests
 * @param options.resolve finds the addresses of a name; that of the system unless given
 */
export function createPostCallback(options: {
  isPrivateAllowed: boolean
  withinMs?: number
  resolve?: (hostname: string) => Promise<Address[]>
}) {
  const { isPrivateAllowed, withinMs = WITHIN_MS, resolve = resolveByNode } = options
  const agent = new Agent({
    // With this it asks for all addresses of a name at once, and tries one after the other.
    connect: { lookup: callbackify(addressesOf), autoSelectFamily: true, timeout: withinMs },
    headersTimeout: withinMs,
    bodyTimeout: withinMs,
    keepAliveTimeout: IDLE_MS,
    keepAliveMaxTimeout: IDLE_MS,
  })

  return {
    /** Tries once. @param target.secrets as `whsec_<base64>`; each signs */
    async post(
      target: { url: Secret; secrets: readonly Secret[] },
      event: Signable,
      signal?: AbortSignal,
    ): Promise<Posted> {
      const late = AbortSignal.timeout(withinMs)
      try {
        const url = new URL(target.url.reveal())
        const address = addressIn(url)
        if (address !== undefined) requirePublic([address])
        const { statusCode, body } = await request(url, {
          method: 'POST',
          headers: signedHeaders(target.secrets, event),
          body: event.body,
          dispatcher: agent,
          signal: signal ? AbortSignal.any([late, signal]) : late,
        })
        void body.dump({ limit: MOST_ANSWER_BYTES }).catch(() => undefined)
        return postedWith(statusCode)
      } catch (error) {
        return { kind: 'unreachable', fault: faultOf(error, withinMs) }
      }
    },

    close: (): Promise<void> => agent.destroy(),
  }

  async function addressesOf(hostname: string, _options: LookupOptions): Promise<Address[]> {
    const addresses = await resolve(hostname)
    if (addresses.length === 0) throw new Error('a name without an address')
    requirePublic(addresses.map(({ address }) => address))
    return addresses
  }

  /** All of them must be: one that is not has no business there. */
  function requirePublic(addresses: readonly string[]): void {
    if (!isPrivateAllowed && !addresses.every(isPublicAddress))
      throw new PrivateAddressError('not an address that everybody can reach')
  }
}

export type PostCallback = ReturnType<typeof createPostCallback>

function resolveByNode(hostname: string): Promise<Address[]> {
  return lookUp(hostname, { all: true })
}

/** A code of the network's, never a message: it would name the host. */
function faultOf(error: unknown, withinMs: number): string {
  if (error instanceof PrivateAddressError) return 'its address is inside a network'
  const code = fieldOf(error, 'code')
  const isLate = ['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_CONNECT_TIMEOUT'].includes(String(code))
  if (isLate || (error instanceof Error && error.name === 'TimeoutError'))
    return `no answer within ${withinMs / 1000} s`
  return typeof code === 'string' ? code : 'the connection failed'
}
