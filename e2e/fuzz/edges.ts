/** What a client can put around a body: keys, methods, types, headers, and the ends of URLs. */
import fc, { type Arbitrary } from 'fast-check'
import { odd } from './values.ts'

/** What a client can be made to put into a header. */
const headerText = fc.string({
  unit: fc
    .integer({ min: 0x20, max: 0xff })
    .filter((c) => c !== 0x7f)
    .map((c) => String.fromCharCode(c)),
  maxLength: 60,
})

export const oddKey = fc.oneof(
  fc.constantFrom(
    'Bearer',
    'Bearer ',
    'Basic',
    'Basic Og==',
    'Basic ===',
    'Bearer a b',
    'Digest x',
    'bearer x,y',
    ',',
  ),
  headerText,
  fc.integer({ min: 1, max: 8000 }).map((length) => `Bearer ${'x'.repeat(length)}`),
  fc.string().map((text) => `Basic ${Buffer.from(text).toString('base64')}`),
)

export const oddMethod = fc.constantFrom(
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'PROPFIND',
  'QUERY',
  'M-SEARCH',
  'SOURCE',
)

export const oddType = fc.oneof(
  fc.constantFrom(
    'application/json; charset=utf-8',
    'application/json;charset=utf-16',
    'application/json; charset=',
    'application/json;',
    'application/json ;a=b;a=c',
    'APPLICATION/JSON',
    'application/jsonp',
    'application/json, text/plain',
    'application/problem+json',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    'multipart/form-data; boundary=x',
    'text/plain',
    'text/html',
    'application/xml',
    'application/octet-stream',
    '*/*',
    '/',
    '',
  ),
  headerText,
)

export const oddHeaders: Arbitrary<Record<string, string>> = fc
  .array(
    fc.oneof(
      fc.tuple(
        fc.constantFrom(
          'idempotency-key',
          'x-hub-signature-256',
          'webhook-signature',
          'webhook-timestamp',
          'accept',
          'accept-encoding',
          'accept-version',
          'cookie',
          'range',
          'if-none-match',
          'origin',
          'x-forwarded-for',
          'x-forwarded-proto',
          'x-forwarded-host',
          'forwarded',
          'x-http-method-override',
          'sec-fetch-site',
          'x-request-id',
          'traceparent',
          'host',
          'upgrade',
          'te',
          'via',
          'max-forwards',
        ),
        fc.oneof(
          headerText,
          fc.constantFrom(
            '*',
            'https',
            '::1',
            'same-origin',
            '127.0.0.1, ::1',
            'bytes=0-,-1',
            'sha256=',
            `sha256=${'0'.repeat(64)}`,
          ),
        ),
      ),
      oddType.map((type) => ['content-type', type] as [string, string]),
      fc.constantFrom<[string, string]>(
        ['content-encoding', 'gzip'],
        ['content-encoding', 'br, gzip'],
        ['expect', '100-continue'],
        ['connection', 'close'],
        ['connection', 'upgrade'],
      ),
      fc.integer({ min: 1, max: 120 }).map((count) => ['many', String(count)] as [string, string]),
      fc
        .integer({ min: 100, max: 20_000 })
        .map((length) => ['x-long', 'x'.repeat(length)] as [string, string]),
    ),
    { maxLength: 3 },
  )
  .map((pairs) =>
    Object.fromEntries(
      pairs.flatMap(([name, value]) =>
        name === 'many'
          ? Array.from({ length: Number(value) }, (_, i) => [`x-${i}`, '1'])
          : [[name, value.trim()]],
      ),
    ),
  )

/** A part of a path as a client can write it: escapes may be broken, but there is no space and no line end. */
export const oddPart = fc.oneof(
  fc.constantFrom(
    '..',
    '.',
    '%2e%2e',
    '%00',
    '%',
    '%zz',
    '%ff',
    '%E0%A4%A',
    ';a=b',
    '__proto__',
    'constructor',
    'msg_',
    'msg_x',
    '{id}',
    '*',
    ':id',
    '%2F',
    '//',
    '\\',
    '%5C',
    '~',
  ),
  fc.string({ maxLength: 30 }).map(encodeURIComponent),
  odd.map((value) => encodeURIComponent(JSON.stringify(value))),
  fc.integer({ min: 1, max: 12_000 }).map((length) => 'x'.repeat(length)),
)

export const oddEnd = fc.oneof(
  fc.constantFrom(
    '/',
    '//',
    '?',
    '?x',
    '?__proto__[x]=1',
    '?hub.mode[]=1',
    '?hub.mode=a&hub.mode=b',
    '#x',
    '%',
    ';x',
    '/..',
    '?a=%ff',
    '?%zz',
  ),
  oddPart.map((part) => `/${part}`),
  oddPart.map((part) => `?hub.mode=subscribe&hub.challenge=${part}`),
)
