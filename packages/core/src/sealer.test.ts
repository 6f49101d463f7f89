import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createSealer, UnsealError, type EncryptionKey } from './sealer.ts'
import { Secret } from './secret.ts'

const key = (id: string): EncryptionKey => ({ id, key: new Secret(randomBytes(32).toString('base64')) })
const owner = { purpose: 'content', id: 'msg_1' } as const

it('what is sealed opens again, byte for byte', () => {
  const sealer = createSealer([key('k1')])
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      expect(sealer.open(sealer.seal(text, owner), owner)).toBe(text)
    }),
  )
})

it('the same text is never sealed to the same bytes', () => {
  const sealer = createSealer([key('k1')])
  expect(sealer.seal('482913', owner)).not.toBe(sealer.seal('482913', owner))
})

it('a text sealed for one message does not open for another, nor for another purpose', () => {
  const sealer = createSealer([key('k1')])
  const sealed = sealer.seal('482913', owner)
  expect(() => sealer.open(sealed, { ...owner, id: 'msg_2' })).toThrow(UnsealError)
  expect(() => sealer.open(sealed, { ...owner, purpose: 'access-token' })).toThrow(UnsealError)
})

it('a changed byte is noticed', () => {
  const sealer = createSealer([key('k1')])
  const [version, id, nonce, body = ''] = sealer.seal('482913', owner).split('.')
  const changed = Buffer.from(body, 'base64url')
  changed[0] = (changed[0] ?? 0) ^ 1
  const forged = [version, id, nonce, changed.toString('base64url')].join('.')
  expect(() => sealer.open(forged, owner)).toThrow(UnsealError)
  expect(() => sealer.open('v1.k1..', owner)).toThrow(UnsealError)
  expect(() => sealer.open('nonsense', owner)).toThrow(UnsealError)
})

it('keys rotate: the first seals, all open, one taken away no longer does', () => {
  const [older, newer] = [key('k1'), key('k2')]
  const before = createSealer([older]).seal('482913', owner)
  const rotated = createSealer([newer, older])
  expect(rotated.open(before, owner)).toBe('482913')
  const after = rotated.seal('482913', owner)
  expect(after.startsWith('v1.k2.')).toBe(true)
  expect(() => createSealer([newer]).open(before, owner)).toThrow('"k1", which ENCRYPTION_KEYS does not have')
})
