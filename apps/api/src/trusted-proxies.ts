import { Fault, type Setting } from '@relais/core'
import { isIP } from 'node:net'

/**
 * Whose X-Forwarded-For and X-Forwarded-Proto are believed: addresses and networks, each a proxy of one's own. "Everyone" cannot be said:
 * then any client could take any address.
 */
export const trustedProxies: Setting<string[]> = {
  name: 'TRUSTED_PROXIES',
  about: 'Proxies in front whose X-Forwarded-For and -Proto are believed, as addresses or networks',
  example: '10.0.0.0/8,::1',
  fallback: { value: [], shown: '' },
  parse(value) {
    const entries = value.split(',').map((entry) => entry.trim())
    const at = entries.findIndex((entry) => !isNetwork(entry))
    if (at < 0) return entries
    return new Fault(
      `has a fault in entry ${at + 1}: it must be an IP address, or a network such as 10.0.0.0/8 but not /0`,
    )
  },
}

function isNetwork(entry: string): boolean {
  const [address = '', bits, ...rest] = entry.split('/')
  // A zone belongs to one machine's link and is not compared.
  const family = address.includes('%') ? 0 : isIP(address)
  if (family === 0 || rest.length > 0) return false
  if (bits === undefined) return true
  return /^[1-9]\d{0,2}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)
}
