/**
 * Which URLs events of apps may be posted to: https, and an address that everybody can reach. What is inside a network (its databases, the metadata of
 * a cloud) trusts whoever is inside; a callback must not become a way in. Pure.
 *
 * A name is looked at once more at each connection, when it has become an address: see `post-callback.ts`.
 */
import { BlockList, isIP } from 'node:net'
import { Fault } from '../fault.ts'

const MOST_URL = 2048

/** IPv4 that is not for everybody: https://www.iana.org/assignments/iana-ipv4-special-registry */
const SPECIAL_V4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
] as const

/** Of IPv6 only this is given out; within it, what leads to IPv4 addresses or is not for everybody. */
const GLOBAL_V6 = '2000::/3'
const SPECIAL_V6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'] as const

const specialV4 = listOf('ipv4', SPECIAL_V4)
const globalV6 = listOf('ipv6', [GLOBAL_V6])
const specialV6 = listOf('ipv6', SPECIAL_V6)

/** May everybody reach this address? IPv6 that stands for an IPv4 address is refused, whatever that is. */
export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !specialV4.check(address, 'ipv4')
    case 6:
      return globalV6.check(address, 'ipv6') && !specialV6.check(address, 'ipv6')
    default:
      return false
  }
}

/** The address that stands in a URL instead of a name; undefined for a name. */
export function addressIn(url: URL): string | undefined {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return isIP(host) === 0 ? undefined : host
}

/**
 * The URL as it is kept, or what is wrong with it. Names are not looked up.
 *
 * @param allows.isPrivateAllowed for tests: http and private addresses as well
 */
export function readCallbackUrl(text: string, allows: { isPrivateAllowed: boolean }): URL | Fault {
  if (text.length > MOST_URL) return new Fault(`must be ${MOST_URL} characters at most`)
  if (!URL.canParse(text)) return new Fault('must be a whole URL, such as https://wallet.example.com/relais')
  const url = new URL(text)
  const isHttps = url.protocol === 'https:' || (allows.isPrivateAllowed && url.protocol === 'http:')
  if (!isHttps) return new Fault('must begin with https://')
  if (`${url.username}${url.password}` !== '')
    return new Fault('must be without user and password: the signature says who posts')
  if (url.hash !== '') return new Fault('must be without #')
  const address = addressIn(url)
  if (address !== undefined && !allows.isPrivateAllowed && !isPublicAddress(address))
    return new Fault('must lead to an address that everybody can reach, not to one inside a network')
  return url
}

function listOf(family: 'ipv4' | 'ipv6', subnets: readonly string[]): BlockList {
  const list = new BlockList()
  for (const subnet of subnets) {
    const [net = '', bits] = subnet.split('/')
    list.addSubnet(net, Number(bits), family)
  }
  return list
}
