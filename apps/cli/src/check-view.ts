/** The diagnosis as text. Pure: data in, lines out. */
import type { Check, Result } from './checks/check.ts'
import { wrapped, type Paint } from './paint.ts'
import { plain } from './printable.ts'

const WIDTH = 110

const MARKS = {
  ok: { text: 'ok', colour: 'green' },
  warn: { text: 'warn', colour: 'yellow' },
  fail: { text: 'FAIL', colour: 'red' },
  skipped: { text: 'skip', colour: 'dim' },
} as const satisfies Record<Result, { text: string; colour: keyof Paint }>

export function renderChecks(checks: readonly Check[], paint: Paint): string {
  const nameWidth = Math.max(...checks.map(({ name }) => name.length))
  const rows = checks.flatMap((check) => renderCheck(check, nameWidth, paint))
  return [...rows, '', summary(checks, paint), ''].join('\n')
}

function renderCheck({ name, result, what, nextStep }: Check, nameWidth: number, paint: Paint): string[] {
  const { text, colour } = MARKS[result]
  const indent = ' '.repeat(nameWidth + 8)
  const width = WIDTH - indent.length
  const [first = '', ...more] = wrapped(plain(what), width)
  const steps = nextStep === undefined ? [] : wrapped(`-> ${plain(nextStep)}`, width)
  return [
    `${paint[colour](text.padEnd(4))}  ${name.padEnd(nameWidth)}  ${first}`,
    ...more.map((line) => indent + line),
    ...steps.map((line) => indent + paint.cyan(line)),
  ]
}

function summary(checks: readonly Check[], paint: Paint): string {
  const count = (wanted: Result) => checks.filter(({ result }) => result === wanted).length
  const [fails, warnings, skips] = [count('fail'), count('warn'), count('skipped')]
  const rest = skips > 0 ? `, ${skips} not looked at` : ''
  if (fails > 0) return paint.red(`${fails} wrong, ${warnings} to look at${rest}. Begin with the first FAIL.`)
  if (warnings > 0) return paint.yellow(`Nothing is wrong, ${warnings} to look at${rest}.`)
  return paint.green(`All is well${rest}.`)
}
