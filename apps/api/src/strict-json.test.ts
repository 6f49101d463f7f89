import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ProblemError } from './problem.ts'
import { parseStrictJson } from './strict-json.ts'

const parse = (text: string) => parseStrictJson(Buffer.from(text))

/** The problem with a body, or what it says. */
function attempt(bytes: Buffer): ProblemError | { value: unknown } {
  try {
    return { value: parseStrictJson(bytes) }
  } catch (error) {
    return error as ProblemError
  }
}

const refusal = (text: string) => attempt(Buffer.from(text, 'latin1'))

describe('JSON from outside', () => {
  it('is what JSON.parse makes of it', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 8 }), fc.constantFrom('', ' ', '\n\t'), (text, space) => {
        fc.pre(!text.includes('"__proto__"'))
        expect(parse(space + text + space)).toEqual(JSON.parse(text))
      }),
    )
  })

  it('is refused wherever JSON.parse refuses it, in our words', () => {
    const alphabet = fc.constantFrom(...'{}[]:,"\\abtrue01-.eE \n\u0000u'.split(''), '"a":1', 'null', '"b"')
    const jsonLike = fc.array(alphabet, { maxLength: 12 }).map((parts) => parts.join(''))
    fc.assert(
      fc.property(jsonLike, (text) => {
        let isJson = true
        try {
          JSON.parse(text)
        } catch {
          isJson = false
        }
        const result = attempt(Buffer.from(text))
        if (!isJson) expect(result).toMatchObject({ statusCode: 400, code: 'malformed_json' })
        // What is JSON and refused all the same is so for a name that comes twice.
        else if (result instanceof ProblemError) expect(result.message).toContain('twice')
      }),
      { numRuns: 3000 },
    )
  })

  it.each([
    ['{"a":1,"a":1}', 'a name comes twice in one object, at character 8'],
    ['[{"a":{"b":1,"\\u0062":2}}]', 'a name comes twice in one object, at character 14'],
    ['{"__proto__":{}}', 'a name is not allowed, at character 2'],
    ['{"a":[{"\\u005f_proto__":1}]}', 'a name is not allowed, at character 8'],
    ['{"constructor":{"prototype":{}}}', 'a name is not allowed, at character 17'],
    [`{"a":${'['.repeat(32)}1`, 'it is nested more than 32 deep, at character 38'],
    ['"\xff"', 'it is not UTF-8'],
    ['"\xed\xa0\x80"', 'it is not UTF-8'],
    ['"\xc0\xaf"', 'it is not UTF-8'],
    ['', 'it ends too early, at character 1'],
    ['{"a":1', 'a comma or the end of an object is missing, at character 7'],
    ['{"a":1}x', 'something follows its end, at character 8'],
    ['{"a":"\n"}', 'a string does not end, or holds a control character, at character 7'],
  ])('%j: %s', (text, what) => {
    expect(refusal(text)).toMatchObject({
      statusCode: 400,
      code: 'malformed_json',
      message: `The body is not JSON: ${what}.`,
    })
  })

  it('may have one name in several objects, names that only look bad, and 32 levels', () => {
    const deep = `${'['.repeat(32)}1${']'.repeat(32)}`
    const good = `{"a":{"a":1},"prototype":2,"constructor":3,"proto":[{"a":1},{"a":2}],"deep":${deep.slice(1, -1)}}`
    expect(parse(good)).toEqual(JSON.parse(good))
    expect(parse(deep)).toEqual(JSON.parse(deep))
  })

  it('may begin with a byte order mark', () => {
    expect(parse('\uFEFF{"a":1}')).toEqual({ a: 1 })
  })

  it('has no more values than any body of ours', () => {
    expect(parse(`[${'1,'.repeat(249_998)}1]`)).toHaveLength(249_999)
    expect(attempt(Buffer.from(`[${'1,'.repeat(250_000)}1]`))).toMatchObject({ statusCode: 413 })
    expect(attempt(Buffer.from('[{'.repeat(4_000_000)))).toMatchObject({ statusCode: 400 })
  })
})
