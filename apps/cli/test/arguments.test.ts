import { expect, it } from 'vitest'
import { readArguments } from '../src/arguments.ts'
import { COMMANDS } from '../src/commands.ts'
import { helpOf, usageOf } from '../src/help.ts'

it('commands, their options and words are read', () => {
  expect(readArguments(['status', '--json'])).toMatchObject({ name: 'status', values: { json: true } })
  expect(readArguments(['doctor', '--exchange', '--file', 'x'])).toMatchObject({
    name: 'doctor',
    values: { exchange: true, file: 'x' },
  })
  expect(readArguments(['keys', 'create', 'wallet', '--days', '3'])).toMatchObject({
    name: 'keys create',
    values: { days: '3' },
    positionals: ['wallet'],
  })
})

it.for([
  [['help'], undefined],
  [['--help'], undefined],
  [['doctor', '-h'], 'doctor'],
  [['help', 'doctor'], 'doctor'],
  [['help', 'keys', 'create'], 'keys create'],
  [['keys', 'create', '--help'], 'keys create'],
  [['help', 'keys'], 'keys'],
  [['keys', '--help'], 'keys'],
  [['help', 'limits'], 'limits'],
] as const)('help is asked for by %j', ([args, of]) => {
  const asked = readArguments(args)
  expect(asked).toEqual({ kind: 'help', ...(of !== undefined && { of }) })
})

it('the help of everything is one screen that names every command', () => {
  const screen = helpOf()
  const lines = screen.split('\n')
  expect(lines.length).toBeLessThan(60)
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(125)
  for (const [name, { about }] of Object.entries(COMMANDS)) {
    expect(lines).toContain(`  ${name.padEnd(18)}${about}`)
  }
})

it.for(Object.entries(COMMANDS))('%s says what it takes, with examples and exit codes', ([name, command]) => {
  const text = helpOf(name)
  const { options, words = [], examples, exitCodes } = command
  for (const option of [...Object.keys(options), 'json', 'file', 'help'])
    expect(text).toContain(`--${option}`)
  for (const word of words) expect(text).toContain(`  ${word.name}`)
  for (const code of [...Object.keys(exitCodes), '0', '64', '70', '78'])
    expect(text).toMatch(new RegExp(`^  ${code} `, 'm'))
  expect(examples.length).toBeGreaterThan(0)
  for (const { line } of examples) expect(text).toContain(`  npx relais ${line}\n`)
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120)
  expect(usageOf(name)).toContain(`npx relais ${name}`)
})

it.for(Object.entries(COMMANDS))(
  'the examples of %s are command lines that make sense',
  ([name, { examples }]) => {
    for (const { line } of examples) {
      const words = line.replace(/ [<>].*$/, '').match(/"[^"]*"|\S+/g) ?? []
      const asked = readArguments(words.map((word) => word.replaceAll('"', '')))
      expect(asked, line).toMatchObject({ kind: 'command', name })
    }
  },
)

it('the help of a first word lists what may follow it', () => {
  expect(helpOf('keys')).toMatch(/^ {2}keys create .*\n {2}keys list .*\n {2}keys revoke .*\n$/)
  expect(helpOf('limits')).toMatch(/See also\n {2}limits allow /)
})

it.for([
  [],
  ['check'],
  ['keys'],
  ['keys', 'EAAsecret'],
  ['help', 'EAAsecret'],
  ['constructor'],
  ['status', '--exchange'],
  ['status', 'EAAsecret'],
  ['keys', 'revoke', 'a', 'EAAsecret'],
  ['keys', 'create', 'a', '--mode', 'EAAsecret'],
  ['tokens', 'update', 'EAAsecret'],
  ['tokens', 'update', '--token=EAAsecret'],
  ['tokens', 'update', '--app-secret=EAAsecret'],
  ['setup', '--language', 'EAAsecret'],
  ['doctor', '--token=EAAsecret'],
  ['doctor', '--json=EAAsecret'],
  ['setup', '--file'],
])('what makes no sense is said, and not repeated: %j', (args) => {
  const asked = readArguments(args)
  expect(asked.kind).toBe('usage')
  expect(JSON.stringify(asked)).not.toContain('EAAsecret')
})
