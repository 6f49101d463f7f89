import { describe, expect, it } from 'vitest'
import { Fault } from '../fault.ts'
import { isPublicAddress, readCallbackUrl } from './callback-url.ts'

describe('an address that events may go to', () => {
  it.each([
    '8.8.8.8',
    '93.184.216.34',
    '172.15.255.255',
    '172.32.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '169.253.255.255',
    '223.255.255.255',
    '2606:4700:4700::1111',
    '2a00:1450:4007:80e::200e',
  ])('is %s', (address) => {
    expect(isPublicAddress(address)).toBe(true)
  })

  it.each([
    ['this network', '0.0.0.0'],
    ['this network, its end', '0.255.255.255'],
    ['loopback', '127.0.0.1'],
    ['loopback, its end', '127.255.255.254'],
    ['private, 10', '10.0.0.1'],
    ['private, 172.16', '172.16.0.1'],
    ['private, 172.31', '172.31.255.255'],
    ['private, 192.168', '192.168.1.1'],
    ['carrier-grade NAT', '100.64.0.1'],
    ['carrier-grade NAT, its end', '100.127.255.255'],
    ['link-local, where clouds have their metadata', '169.254.169.254'],
    ['protocol assignments', '192.0.0.8'],
    ['documentation', '192.0.2.1'],
    ['documentation', '198.51.100.1'],
    ['documentation', '203.0.113.1'],
    ['benchmarks', '198.19.0.1'],
    ['6to4 relay', '192.88.99.1'],
    ['multicast', '224.0.0.1'],
    ['multicast, its end', '239.255.255.255'],
    ['reserved', '240.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['IPv6 unspecified', '::'],
    ['IPv6 loopback', '::1'],
    ['IPv4-mapped loopback', '::ffff:127.0.0.1'],
    ['IPv4-mapped, in hex', '::ffff:7f00:1'],
    ['IPv4-mapped public', '::ffff:8.8.8.8'],
    ['IPv4-compatible', '::127.0.0.1'],
    ['IPv4-translated', '::ffff:0:127.0.0.1'],
    ['NAT64', '64:ff9b::7f00:1'],
    ['NAT64, of one network', '64:ff9b:1::7f00:1'],
    ['Teredo', '2001:0:1::1'],
    ['6to4 of a private address', '2002:0a00:0001::1'],
    ['IPv6 documentation', '2001:db8::1'],
    ['IPv6 documentation', '3fff::1'],
    ['discard', '100::1'],
    ['unique-local', 'fc00::1'],
    ['unique-local', 'fd12:3456:789a::1'],
    ['IPv6 link-local', 'fe80::1'],
    ['IPv6 link-local with a zone', 'fe80::1%eth0'],
    ['site-local', 'fec0::1'],
    ['IPv6 multicast', 'ff02::1'],
    ['no address', 'localhost'],
    ['nothing', ''],
  ])('is not %s: %s', (_what, address) => {
    expect(isPublicAddress(address)).toBe(false)
  })
})

describe('the URL of a callback', () => {
  const read = (text: string, isPrivateAllowed = false) => readCallbackUrl(text, { isPrivateAllowed })

  it.each([
    'https://wallet.example.com/relais',
    'https://8.8.8.8/',
    'https://[2606:4700:4700::1111]:8443/?key=1',
  ])('may be %s', (text) => {
    expect(read(text)).toBeInstanceOf(URL)
  })

  it.each([
    ['http', 'http://wallet.example.com/', /https/],
    ['another protocol', 'ftp://wallet.example.com/', /https/],
    ['a file', 'file:///etc/passwd', /https/],
    ['no URL', 'wallet.example.com', /whole URL/],
    ['a user', 'https://user@wallet.example.com/', /user/],
    ['a password', 'https://:pass@wallet.example.com/', /user/],
    ['a fragment', 'https://wallet.example.com/#here', /#/],
    ['a private address', 'https://10.0.0.1/', /address/],
    ['the address as one number', 'https://2130706433/', /address/],
    ['the address in hex', 'https://0x7f.1/', /address/],
    ['the address in octal', 'https://0177.0.0.1/', /address/],
    ['a short address', 'https://127.1/', /address/],
    ['full-width digits', 'https://１２７.０.０.１/', /address/],
    ['IPv6 loopback', 'https://[::1]/', /address/],
    ['IPv4-mapped', 'https://[::ffff:10.0.0.1]/', /address/],
    ['too long', `https://wallet.example.com/${'a'.repeat(2048)}`, /2048/],
  ])('is not %s', (_what, text, problem) => {
    const fault = read(text)
    expect(fault).toBeInstanceOf(Fault)
    expect((fault as Fault).problem).toMatch(problem)
  })

  it('may be of this machine where private addresses are allowed, and still without a password', () => {
    expect(read('http://127.0.0.1:3000/hook', true)).toBeInstanceOf(URL)
    expect(read('http://user:pass@127.0.0.1/', true)).toBeInstanceOf(Fault)
    expect(read('ftp://127.0.0.1/', true)).toBeInstanceOf(Fault)
  })
})
