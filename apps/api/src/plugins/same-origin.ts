import type { FastifyRequest } from 'fastify'

/** Was this asked for by a page of ours? A browser sends the password along with whatever another site has it ask for; and it says which site that was. */
export function isSameOrigin({ headers, host }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site']
  if (site !== undefined) return site === 'same-origin' || site === 'none'
  const { origin } = headers
  return origin !== undefined && URL.canParse(origin) && new URL(origin).host === host
}
