import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'

/** Names that no public web site has: without a dot, as in a compose file, or under an ending kept for private use. */
const PRIVATE_NAME = /^[^.]+$|\.(?:localhost|local|internal|test)$/

/**
 * Whether a request may see the page or the control API. The name it was called by must be the listening host, a
 * private name or an address: a foreign name that resolves to this machine (DNS rebinding) would let any web site
 * read the codes.
 */
export function isOurHost(request: IncomingMessage, listeningHost: string): boolean {
  const url = `http://${request.headers.host ?? ''}`
  if (!URL.canParse(url)) return false
  const { hostname } = new URL(url)
  const bare = hostname.replace(/^\[|\]$/g, '')
  return bare === listeningHost.toLowerCase() || isIP(bare) !== 0 || PRIVATE_NAME.test(bare)
}

/** Whether a page of another origin makes this request in somebody's browser. */
export function isFromElsewhere(request: IncomingMessage): boolean {
  return request.headers.origin !== undefined && !isSameOrigin(request)
}

/** Whether a request comes from the page itself: browsers put `Origin` on every POST. */
export function isSameOrigin(request: IncomingMessage): boolean {
  const { origin, host } = request.headers
  if (origin === undefined || host === undefined || !URL.canParse(origin)) return false
  const site = request.headers['sec-fetch-site']
  return new URL(origin).host === host.toLowerCase() && (site === undefined || site === 'same-origin')
}
