import { describe, expect, it } from 'vitest'
import { compressRules } from './compress.ts'

describe('rules in a hurry', () => {
  it.each([
    ['        for: 5m', '        for: 5000ms'],
    ['      - for: 1h', '      - for: 60000ms'],
    ['    interval: 30s', '    interval: 500ms'],
    ['sum(increase(a[5m])) / sum(rate(b[1d]))', 'sum(increase(a[5000ms])) / sum(rate(b[1440000ms]))'],
    ['max_over_time(a[1h:30s])', 'max_over_time(a[60000ms:500ms])'],
    ['max_over_time(a[1h:])', 'max_over_time(a[60000ms:])'],
    ['a offset 10m', 'a offset 10000ms'],
    ['for: 0s', 'for: 1ms'],
  ])('%s becomes %s at a factor of 60', (text, compressed) => {
    expect(compressRules(text, 60)).toBe(compressed)
  })

  it('leave values, words and names as they are', () => {
    const text = [
      'expr: a > 300 and b{state="5m"} < 7 * 86400',
      'summary: not for 5m in words, {{ $value }}',
      'description: wait for: a while',
      'job_5m: x',
    ].join('\n')
    expect(compressRules(text, 60)).toBe(text)
  })

  it.each(['for: 1h30m', 'for: {{ x }}', 'for: 1w', 'rate(a[1h30m])'])(
    'refuse %s, which they cannot read',
    (text) => {
      expect(() => compressRules(text, 60)).toThrow('cannot shorten')
    },
  )
})
