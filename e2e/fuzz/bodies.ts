/** Bodies as bytes: JSON written down, and all that is not JSON or should not be read as such. */
import fc, { type Arbitrary } from 'fast-check'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'

const bytes = (text: string) => Buffer.from(text)

/** What a number of bytes or characters at a random place can do to a text. */
export function damaged(body: Arbitrary<Buffer>): Arbitrary<Buffer> {
  const harm = fc.constantFrom('cut', 'flip', 'insert', 'double', 'mark', 'append', 'repeat a name')
  const what = fc.constantFrom('\0', '"', '\\', '{', ']', ',', '\uFEFF', '\\ud800', '1e999', '/**/', '\n')
  return fc.tuple(body, harm, fc.nat(), what).map(([whole, how, nth, piece]) => {
    const at = nth % (whole.length + 1)
    const [before, after] = [whole.subarray(0, at), whole.subarray(at)]
    switch (how) {
      case 'cut':
        return before
      case 'flip':
        return Buffer.concat([before, Buffer.from([(after[0] ?? 0) ^ 0x80]), after.subarray(1)])
      case 'insert':
        return Buffer.concat([before, bytes(piece), after])
      case 'double':
        return Buffer.concat([whole, whole])
      case 'mark':
        return Buffer.concat([bytes('\uFEFF'), whole])
      case 'append':
        return Buffer.concat([whole, bytes(piece)])
      default:
        return bytes(whole.toString().replace(/("[^"]*"):/, '$1:1,$1:'))
    }
  })
}

const deep = fc
  .tuple(fc.integer({ min: 30, max: 60_000 }), fc.constantFrom('[', '{"a":', '[{"a":'))
  .map(([depth, open]) => bytes(open.repeat(depth)))

const wide = fc
  .tuple(fc.integer({ min: 1, max: 7000 }), fc.constantFrom('{}', '1', '"x"', '{"a":1}'))
  .map(([count, item]) => bytes(`{"messages":[${Array(count).fill(item).join()}]}`))

const manyNames = fc
  .integer({ min: 1, max: 5000 })
  .map((count) => bytes(`{${Array.from({ length: count }, (_, i) => `"k${i}":1`).join()}}`))

/** Now and then as much as fits, and more: 64 KB, 3 MB and 8 MB are what routes take. */
const huge = fc
  .tuple(
    fc.constantFrom(65_536, 65_537, 70_000, 3 * 1024 * 1024, 3 * 1024 * 1024 + 1, 8 * 1024 * 1024 + 1),
    fc.constantFrom(' ', '[', '9', '"', '{"messages":[{"type":"template","parameters":["'),
  )
  .map(([length, fill]) => bytes(fill.padEnd(length, fill.slice(-1))))

const special = fc.constantFrom(
  '',
  ' ',
  'null',
  'true',
  '0',
  '"x"',
  '[]',
  '{}',
  '{',
  '-',
  'NaN',
  'undefined',
  "{'a':1}",
  '{"a":1,}',
  '{"a":1}{"a":1}',
  '{"a":1}\n{"a":1}',
  '{"a":01}',
  '{"a":+1}',
  '{"a":1e999}',
  '{"a":-0}',
  '{"a":"\\u0000"}',
  '{"a":"\\x41"}',
  '{"a":"\t"}',
  '{"__proto__":{"to":"+221771234567"}}',
  '{"constructor":{"prototype":{"to":"x"}}}',
  '{"to":"+221771234567","to":"+221771234568","type":"text","text":"x"}',
  '{"\\u0074o":"+221771234567","to":"+221771234568","type":"text","text":"x"}',
  'to=%2B221771234567&type=text',
  '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
)

const packed = fc
  .constantFrom(gzipSync, deflateSync, brotliCompressSync)
  .map((pack) => pack(bytes(`{"text":"${'x'.repeat(200_000)}"}`)))

export const hostileBody: Arbitrary<Buffer> = fc.oneof(
  { weight: 12, arbitrary: special.map(bytes) },
  { weight: 4, arbitrary: fc.uint8Array({ maxLength: 200 }).map((raw) => Buffer.from(raw)) },
  { weight: 3, arbitrary: special.map((text) => Buffer.from(text, 'utf16le')) },
  { weight: 3, arbitrary: deep },
  { weight: 3, arbitrary: wide },
  { weight: 3, arbitrary: manyNames },
  { weight: 2, arbitrary: packed },
  { weight: 4, arbitrary: damaged(fc.json().map(bytes)) },
  { weight: 1, arbitrary: huge },
)
