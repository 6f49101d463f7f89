/**
 * JSON as it is taken from outside. What two readers could read in two ways is refused: bytes that are no UTF-8, a name that comes twice
 * in one object, and the names through which JavaScript reaches an object's prototype. So is what only costs time: nesting that
 * no body of ours has, and a number of values that none has.
 */
import { isUtf8 } from 'node:buffer'
import { ProblemError } from './problem.ts'

/** Ours go to 4, Meta's webhooks to about 10. */
const MOST_DEPTH = 32

/** A batch of a thousand messages with all their parameters has 45,000, a webhook of a thousand updates 40,000. */
const MOST_VALUES = 250_000

/** What stands in a string for itself: all but quotes, backslashes and control characters. Three times as fast as a look at each. */
const PLAIN = /[ !#-[\]-\uffff]*/y

const NUMBER_OR_WORD = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/y

const [QUOTE, BACKSLASH, COLON, COMMA] = [0x22, 0x5c, 0x3a, 0x2c]
const [OBJECT, OBJECT_END, LIST, LIST_END] = [0x7b, 0x7d, 0x5b, 0x5d]
const BYTE_ORDER_MARK = '\uFEFF'

/**
 * Throws a `ProblemError`: 400 `malformed_json`, which says what is wrong and where but repeats nothing of the body (it may be a code),
 * or 413 for too many values.
 */
export function parseStrictJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw new ProblemError(400, 'malformed_json', 'The body is not JSON: it is not UTF-8.')
  const decoded = bytes.toString('utf8')
  const text = decoded.startsWith(BYTE_ORDER_MARK) ? decoded.slice(1) : decoded
  check(text)
  return JSON.parse(text)
}

/** Goes through the text once, by the grammar of RFC 8259, without building anything of it. */
function check(text: string): void {
  let at = 0
  let values = 0
  value(0)
  skipSpace()
  if (at < text.length) throw fault('something follows its end')

  /** @param name of the field that has this value */
  function value(depth: number, name?: string): void {
    skipSpace()
    values += 1
    if (values > MOST_VALUES) throw tooManyValues()
    if (depth > MOST_DEPTH) throw fault(`it is nested more than ${MOST_DEPTH} deep`)
    switch (text.charCodeAt(at)) {
      case OBJECT:
        return object(depth, name)
      case LIST:
        return list(depth)
      case QUOTE:
        return void string()
      default:
        return numberOrWord()
    }
  }

  function object(depth: number, name: string | undefined): void {
    const fields = new Set<string>()
    at += 1
    skipSpace()
    if (skip(OBJECT_END)) return
    do {
      skipSpace()
      const from = at
      const field = string()
      if (fields.has(field)) throw fault('a name comes twice in one object', from)
      if (field === '__proto__' || (field === 'prototype' && name === 'constructor')) {
        throw fault('a name is not allowed', from)
      }
      fields.add(field)
      skipSpace()
      if (!skip(COLON)) throw fault('a colon is missing')
      value(depth + 1, field)
      skipSpace()
    } while (skip(COMMA))
    if (!skip(OBJECT_END)) throw fault('a comma or the end of an object is missing')
  }

  function list(depth: number): void {
    at += 1
    skipSpace()
    if (skip(LIST_END)) return
    do {
      value(depth + 1)
      skipSpace()
    } while (skip(COMMA))
    if (!skip(LIST_END)) throw fault('a comma or the end of a list is missing')
  }

  /** Goes past a string and gives it, without escapes: two ways of writing a name are one name. */
  function string(): string {
    const from = at
    if (!skip(QUOTE)) throw fault('a string is missing')
    PLAIN.lastIndex = at
    if (PLAIN.test(text)) at = PLAIN.lastIndex
    let hasEscapes = false
    for (;;) {
      const unit = text.charCodeAt(at)
      if (unit === QUOTE) break
      // Past the end it is NaN.
      if (!(unit >= 0x20)) throw fault('a string does not end, or holds a control character')
      if (unit === BACKSLASH) hasEscapes = true
      at += unit === BACKSLASH ? 2 : 1
    }
    at += 1
    return hasEscapes ? unescaped(from) : text.slice(from + 1, at - 1)
  }

  function unescaped(from: number): string {
    try {
      return JSON.parse(text.slice(from, at)) as string
    } catch {
      throw fault('a string has an escape that there is not', from)
    }
  }

  function numberOrWord(): void {
    NUMBER_OR_WORD.lastIndex = at
    if (!NUMBER_OR_WORD.test(text)) throw fault(at < text.length ? 'a value is missing' : 'it ends too early')
    at = NUMBER_OR_WORD.lastIndex
  }

  function skip(unit: number): boolean {
    const isThere = text.charCodeAt(at) === unit
    if (isThere) at += 1
    return isThere
  }

  function skipSpace(): void {
    for (;;) {
      const unit = text.charCodeAt(at)
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return
      at += 1
    }
  }

  function fault(what: string, where = at): ProblemError {
    return new ProblemError(
      400,
      'malformed_json',
      `The body is not JSON: ${what}, at character ${where + 1}.`,
    )
  }
}

function tooManyValues(): ProblemError {
  return new ProblemError(413, 'payload_too_large', `The body holds more than ${MOST_VALUES} values.`)
}
