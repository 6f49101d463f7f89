import { expect, it } from 'vitest'
import { HELP, readArguments } from '../src/arguments.ts'
import { COMMANDS } from '../src/commands.ts'

it('commands, their options and words are read', () => {
  expect(readArguments(['status', '--json'])).toMatchObject({ name: 'status', values: { json: true } })
  expect(readArguments(['check', '--exchange', '--file', 'x'])).toMatchObject({
    name: 'check',
    values: { exchange: true, file: 'x' },
  })
  expect(readArguments(['keys', 'create', 'wallet', '--days', '3'])).toMatchObject({
    name: 'keys create',
    values: { days: '3' },
    positionals: ['wallet'],
  })
  expect(readArguments(['check', '-h'])).toEqual({ kind: 'help' })
})

it('the help names every command', () => {
  for (const name of Object.keys(COMMANDS)) expect(HELP).toContain(`\n  ${name}`)
})

it.for([
  [],
  ['doctor'],
  ['keys'],
  ['keys', 'EAAsecret'],
  ['constructor'],
  ['status', '--exchange'],
  ['status', 'EAAsecret'],
  ['keys', 'revoke', 'a', 'EAAsecret'],
  ['check', '--token=EAAsecret'],
  ['check', '--json=EAAsecret'],
  ['setup', '--file'],
])('what makes no sense is said, and not repeated: %j', (args) => {
  const asked = readArguments(args)
  expect(asked.kind).toBe('usage')
  expect(JSON.stringify(asked)).not.toContain('EAAsecret')
})
