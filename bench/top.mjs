/**
 * Where the time of CPU profiles went: `node bench/top.mjs FILE.cpuprofile ... [--lines N]`. Self time by package, by function, and by function of ours
 * with all it calls, in per cent of the time that was not idle.
 */
import { parseArgs } from 'node:util'
import { readProfile } from './profile.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { lines: { type: 'string', default: '30' } },
})
for (const file of positionals) show(file, await readProfile(file))

function show(file, { nodes, totalUs }) {
  process.stdout.write(`\n# ${file}: ${(totalUs / 1e6).toFixed(1)} s of work\n`)
  const views = {
    'package, self': ({ packageName }) => [packageName],
    'function, self': ({ name }) => [name],
    'function of ours, with all it calls': oursAbove,
  }
  for (const [title, namesOf] of Object.entries(views)) print(title, totalUs, sumBy(nodes, namesOf))
}

function sumBy(nodes, namesOf) {
  const sums = new Map()
  for (const node of nodes)
    for (const name of namesOf(node)) sums.set(name, (sums.get(name) ?? 0) + node.selfUs)
  return sums
}

/** Each function of ours on the stack, once. */
function oursAbove(node) {
  const names = new Set()
  for (let each = node; each; each = each.parent) if (each.isOurs) names.add(each.name)
  return [...names]
}

function print(title, totalUs, sums) {
  const top = [...sums].sort(([, a], [, b]) => b - a).slice(0, Number(values.lines))
  const lines = top.map(([name, us]) => `${((us / totalUs) * 100).toFixed(1).padStart(6)} %  ${name}`)
  process.stdout.write(`\n${title}\n${lines.join('\n')}\n`)
}
