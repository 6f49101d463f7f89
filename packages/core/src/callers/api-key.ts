/**
 * The text of a key: `rk_live_<id>_<secret>_<checksum>`.
 *
 * The prefix says what leaked, to people and to scanners of repositories; the checksum tells a key from what looks like one, without
 * asking anybody; the id names it in lists and logs; the secret has 256 bits, so its SHA-256 may be stored as it is. Every part is of
 * A-Z a-z 0-9: a double click selects the whole.
 */
import { hash, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { Caller, KeyMode } from './caller.ts'
import { Secret } from '../secret.ts'

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

const ID_LENGTH = 12

/** 62^43 is more than 2^256. */
const SECRET_LENGTH = 43

/** 62^6 is more than 2^32. */
const CHECKSUM_LENGTH = 6

export type KeyPrefix = `rk_${KeyMode}` | 'ops'

const FORM = new RegExp(
  `^((rk_(?:live|team|test)|ops)_([0-9A-Za-z]{${ID_LENGTH}})_[0-9A-Za-z]{${SECRET_LENGTH}})_([0-9A-Za-z]{${CHECKSUM_LENGTH}})$`,
)

/** Makes a new key. The text is to be shown once and not kept. */
export function makeApiKey(prefix: KeyPrefix): { id: string; text: Secret } {
  const id = randomText(ID_LENGTH)
  const body = `${prefix}_${id}_${randomText(SECRET_LENGTH)}`
  return { id, text: new Secret(`${body}_${checksumOf(body)}`) }
}

/** What a key says of itself; undefined for a text that is none, or has a slip in it. */
export function readApiKey(text: string): { prefix: KeyPrefix; id: string } | undefined {
  const [, body = '', prefix = '', id = '', checksum] = FORM.exec(text) ?? []
  return checksum !== undefined && checksumOf(body) === checksum
    ? { prefix: prefix as KeyPrefix, id }
    : undefined
}

export function prefixOf(caller: { kind: Caller['kind']; mode?: KeyMode }): KeyPrefix {
  return caller.kind === 'operator' ? 'ops' : `rk_${caller.mode ?? 'live'}`
}

/** What is kept of a key, and compared. */
export function digestOfKey(text: string): Buffer {
  return hash('sha256', text, 'buffer')
}

/** Each character is as likely as any other: bytes that would favour some are thrown away. */
function randomText(length: number): string {
  const fair = 256 - (256 % ALPHABET.length)
  let text = ''
  while (text.length < length) {
    for (const byte of randomBytes(length * 2)) {
      if (byte < fair && text.length < length) text += ALPHABET.charAt(byte % ALPHABET.length)
    }
  }
  return text
}

/** The checksum of a key: of all that stands before its last `_`. */
export function checksumOf(body: string): string {
  let rest = crc32(body)
  let text = ''
  for (let i = 0; i < CHECKSUM_LENGTH; i += 1) {
    text = ALPHABET.charAt(rest % ALPHABET.length) + text
    rest = Math.floor(rest / ALPHABET.length)
  }
  return text
}
