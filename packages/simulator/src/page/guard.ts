import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'

/**
 * Whether a request may see the page. The name it was called by must be the listening host, `localhost` or an
 * address: a foreign name that resolves to this machine (DNS rebinding) would let any web site read the codes.
 */
export function isOurHost(request: IncomingMessage, listeningHost: string): boolean {
  const url = `http://${request.headers.host ?? ''}`
  if (!URL.canParse(url)) return false
  const { hostname } = new URL(url)
  const bare = hostname.replace(/^\[|\]$/g, '')
  return bare === 'localhost' || bare === listeningHost.toLowerCase() || isIP(bare) !== 0
}

/** Whether a request comes from the page itself: browsers put `Origin` on every POST. */
export function isSameOrigin(request: IncomingMessage): boolean {
  const { origin, host } = request.headers
  if (origin === undefined || host === undefined || !URL.canParse(origin)) return false
  const site = request.headers['sec-fetch-site']
  return new URL(origin).host === host.toLowerCase() && (site === undefined || site === 'same-origin')
}
