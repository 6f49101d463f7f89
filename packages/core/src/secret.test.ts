import { format, inspect } from 'node:util'
import { expect, it } from 'vitest'
import { Secret } from './secret.ts'

it('a secret shows itself to nobody who does not ask', () => {
  const secret = new Secret('482913')
  const seen = [
    ['', secret].join(),
    String(secret),
    JSON.stringify({ secret }),
    inspect({ secret }, { depth: 5, showHidden: true }),
    format('%s %o', secret, secret),
    Object.values(secret).join(),
  ]
  expect(seen.join(' ')).not.toContain('482913')
  expect(secret.reveal()).toBe('482913')
})
