import { createHmac } from 'node:crypto'
import { expect, it } from 'vitest'
import { Secret } from '../secret.ts'
import { isSignedByMeta } from './signature.ts'

const body = Buffer.from('{"object":"whatsapp_business_account","name":"\\u00e4 \\/"}')
const sign = (secret: string, bytes = body) =>
  `sha256=${createHmac('sha256', secret).update(bytes).digest('hex')}`
const secrets = [new Secret('newer secret'), new Secret('older secret')]

it('a signature with any of the app secrets is good', () => {
  expect(isSignedByMeta(body, sign('newer secret'), secrets)).toBe(true)
  expect(isSignedByMeta(body, sign('older secret'), secrets)).toBe(true)
})

it.each([
  ['of another secret', sign('someone else')],
  ['of other bytes', sign('newer secret', Buffer.from('{}'))],
  ['missing', undefined],
  ['of another kind', sign('newer secret').replace('sha256', 'sha1')],
  ['cut short', sign('newer secret').slice(0, -2)],
  ['in capitals', sign('newer secret').toUpperCase()],
  ['empty', ''],
])('a signature %s is not', (_what, header) => {
  expect(isSignedByMeta(body, header, secrets)).toBe(false)
})

it('without an app secret nothing is signed', () => {
  expect(isSignedByMeta(body, sign(''), [])).toBe(false)
})
