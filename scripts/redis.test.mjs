import { expect, test } from 'vitest'
import { isRecentServer, serverVersion } from './redis.mjs'
import { parseReply } from './resp.mjs'
import { packagesToInstall } from './system-package.mjs'

test.each([
  ['Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64', [7, 0], true],
  ['Valkey server v=8.1.1 sha=00000000:0 malloc=libc bits=64', [8, 1], true],
  ['Redis server v=6.2.0 sha=00000000:0', [6, 2], true],
  ['Redis server v=6.0.16 sha=00000000:0', [6, 0], false],
  ['something else', undefined, false],
])('the version of "%s"', (text, version, isRecent) => {
  expect(serverVersion(text)).toEqual(version)
  expect(isRecentServer(version)).toBe(isRecent)
})

test('the packages to download are those that apt would install', () => {
  const simulation = [
    'The following NEW packages will be installed:',
    'Inst liblzf1 (3.6-3 Debian:12.11/stable [amd64])',
    'Inst redis-server (5:7.0.15-1~deb12u10 Debian-Security:12/stable-security [amd64])',
    'Conf redis-server (5:7.0.15-1~deb12u10 Debian-Security:12/stable-security [amd64])',
  ]
  expect(packagesToInstall(simulation.join('\n'))).toEqual(['liblzf1', 'redis-server'])
})

test('a reply is read whole or not at all', () => {
  const text = '*2\r\n$3\r\ndir\r\n$5\r\n/data\r\n'
  expect(parseReply(text)).toEqual({ value: ['dir', '/data'], end: text.length })
  for (let end = 0; end < text.length; end += 1) expect(parseReply(text.slice(0, end))).toBeUndefined()
  expect(parseReply('-LOADING wait\r\n').value).toBeInstanceOf(Error)
})
