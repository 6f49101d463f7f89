import { expect, it } from 'vitest'
import { readArguments } from '../src/arguments.ts'

it('commands and their options are read', () => {
  expect(readArguments(['status', '--json'])).toEqual({ name: 'status', isJson: true })
  expect(readArguments(['check', '--exchange', '--file', 'x'])).toEqual({
    name: 'check',
    isJson: false,
    mayExchange: true,
    file: 'x',
  })
  expect(readArguments(['setup', '--language', 'fr'])).toEqual({ name: 'setup', language: 'fr' })
  expect(readArguments(['check', '-h'])).toEqual({ name: 'help' })
})

it.for([
  [],
  ['doctor'],
  ['status', '--exchange'],
  ['status', 'EAAsecret'],
  ['check', '--token=EAAsecret'],
  ['check', '--json=EAAsecret'],
  ['setup', '--language', 'EAAsecret'],
  ['setup', '--file'],
])('what makes no sense is said, and not repeated: %j', (args) => {
  const command = readArguments(args)
  expect(command.name).toBe('usage')
  expect(JSON.stringify(command)).not.toContain('EAAsecret')
})
