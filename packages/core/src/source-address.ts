import { isIPv4, isIPv6 } from 'node:net'

/**
 * What an IP address is counted as: an IPv4 address as it is, an IPv6 address as its first 64 bits, because whoever has one of those has
 * them all. `undefined` if it is no address. IPv4 in the clothes of IPv6 (`::ffff:192.0.2.1`) is IPv4.
 */
export function sourceOf(address: string): string | undefined {
  if (isIPv4(address)) return address
  if (!isIPv6(address) || address.includes('%')) return undefined
  const groups = groupsOf(address)
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  const [high = 0, low = 0] = groups.slice(6)
  if (isMapped) return [high >> 8, high & 255, low >> 8, low & 255].join('.')
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`
}

/** The eight groups of an IPv6 address. The parser of URLs knows every way to write one, and writes it in one way. */
function groupsOf(address: string): number[] {
  const written = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const [left = '', right] = written.split('::')
  const [before, after] = [left, right ?? ''].map((part) => part.split(':').filter(Boolean))
  const missing = 8 - (before?.length ?? 0) - (after?.length ?? 0)
  const zeros = Array.from({ length: missing }, () => '0')
  return [...(before ?? []), ...zeros, ...(after ?? [])].map((group) => Number.parseInt(group, 16))
}
