/** Results as people read them: tables in Markdown. */
import { shown } from './numbers.mjs'

export function workloadText(name, about, cases) {
  const sides = [
    ...new Set(
      cases.flatMap(({ figures }) => Object.values(figures).flatMap((each) => Object.keys(each.sides))),
    ),
  ]
  const others = [
    ...new Set(
      cases.flatMap(({ figures }) => Object.values(figures).flatMap((each) => Object.keys(each.ratios))),
    ),
  ]
  const head = ['case', 'figure', ...sides, ...others.map((side) => `to ${side}`)]
  const rows = cases.flatMap((each) =>
    Object.entries(each.figures).map(([figure, { sides: of, ratios }]) => [
      each.case,
      figure,
      ...sides.map((side) => range(of[side])),
      ...others.map((side) => range(ratios[side])),
    ]),
  )
  const noise = cases.map((each) => `${each.case} ${Math.round(each.others.median * 100)} %`).join(', ')
  const told = [
    table([head, ...rows]),
    `Of the machine, other programs used: ${noise}`,
    ...cases.flatMap(commandsText),
    ...cases.flatMap(keysText),
  ]
  return `\n## ${name}\n${about}\n\n${told.join('\n\n')}\n`
}

export function headerText(header) {
  return Object.entries(header)
    .map(([name, value]) => `${name}: ${typeof value === 'object' ? JSON.stringify(value) : value}`)
    .join('\n')
}

/** Commands by their frequency, where a case counted them. */
function commandsText({ case: name, commands }) {
  if (!commands) return []
  const rows = Object.entries(commands).flatMap(([side, counts]) =>
    Object.entries(counts).map(([command, { times, us }]) => [side, command, shown(times), shown(us)]),
  )
  return [`Commands, ${name}:\n\n${table([['side', 'command', 'times', 'us'], ...rows])}`]
}

/** Memory by kind of key, where a case has measured it. */
function keysText({ case: name, keys }) {
  if (!keys) return []
  const rows = Object.entries(keys).flatMap(([side, stages]) =>
    Object.entries(stages).flatMap(([stage, kinds]) =>
      Object.entries(kinds).map(([kind, bytes]) => [side, stage, kind, shown(bytes)]),
    ),
  )
  return [`Keys, ${name}:\n\n${table([['side', 'bytes by the message', 'key', 'bytes'], ...rows])}`]
}

function range(values) {
  if (!values) return ''
  const { median, low, high } = values
  if (low === high || !Number.isFinite(median)) return shown(median)
  return `${shown(median)} (${shown(low)}-${shown(high)})`
}

function table([head, ...rows]) {
  const widths = head.map((_, i) => Math.max(3, ...[head, ...rows].map((row) => row[i].length)))
  const line = (row) => `| ${row.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}
