/**
 * Draws a CPU profile as a flame graph: `node bench/flame.mjs FILE.cpuprofile > FILE.svg`. The width of a box is the time of a function with all it
 * calls, what is below another is called by it; a box tells its times when the mouse is on it. Of one colour is what is of one package;
 * ours stands out.
 */
import { basename } from 'node:path'
import { readProfile } from './profile.mjs'

const WIDTH = 1200
const MARGIN = 10
const HEADER = 44
const ROW = 18
const LEAST_PART = 0.003
const FONT = 12

/** Of a letter, at this size. */
const LETTER = 7.3
const LEAST_LETTERS = 4

const [file] = process.argv.slice(2)
if (!file) {
  process.stderr.write('usage: node bench/flame.mjs FILE.cpuprofile > FILE.svg\n')
  process.exit(64)
}
process.stdout.write(draw(await readProfile(file), basename(file)))

function draw({ root, totalUs }, title) {
  const boxes = boxesBelow(merged(root.children), totalUs)
  const height = HEADER + (Math.max(...boxes.map(({ depth }) => depth)) + 1) * ROW + MARGIN
  const heading = `${title}: ${(totalUs / 1e6).toFixed(1)} s of work; boxes of less than ${LEAST_PART * 100} % are left out`
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}">
<style>svg{background:#fff}text{font:${FONT}px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#111}rect{stroke:#fff;stroke-width:.5}g:hover rect{stroke:#111}</style>
<text x="${MARGIN}" y="26">${escaped(heading)}</text>
${boxes.map((box) => boxText(box, totalUs)).join('\n')}
</svg>
`
}

/** Functions of the same name that are called by the same are one, and what Node calls inside of itself is part of what was called. */
function merged(nodes) {
  const byName = new Map()
  for (const { functionName, packageName, isOurs, ...own } of nodes) {
    const { selfUs, children } = folded(packageName, own)
    const name = `${packageName}/${functionName || '(anonymous)'}`
    const one = byName.get(name) ?? { name, packageName, isOurs, selfUs: 0, children: [] }
    one.selfUs += selfUs
    one.children.push(...children)
    byName.set(name, one)
  }
  return [...byName.values()].map((one) => {
    const children = merged(one.children)
    return { ...one, children, totalUs: children.reduce((sum, child) => sum + child.totalUs, one.selfUs) }
  })
}

function folded(packageName, { selfUs, children }) {
  if (!isNode(packageName)) return { selfUs, children }
  const inside = children
    .filter((child) => isNode(child.packageName))
    .map((child) => folded(packageName, child))
  return {
    selfUs: inside.reduce((sum, child) => sum + child.selfUs, selfUs),
    children: [
      ...children.filter((child) => !isNode(child.packageName)),
      ...inside.flatMap((child) => child.children),
    ],
  }
}

function isNode(packageName) {
  return packageName === 'native' || packageName.startsWith('node:')
}

/** Where each function stands that is wide enough. Those that one calls stand by their width, not in the order of time. */
function boxesBelow(nodes, totalUs, startUs = 0, depth = 0) {
  let atUs = startUs
  return nodes
    .toSorted((a, b) => b.totalUs - a.totalUs)
    .flatMap((node) => {
      const fromUs = atUs
      atUs += node.totalUs
      if (node.totalUs < LEAST_PART * totalUs) return []
      return [{ ...node, fromUs, depth }, ...boxesBelow(node.children, totalUs, fromUs, depth + 1)]
    })
}

function boxText({ name, packageName, isOurs, fromUs, selfUs, totalUs: us, depth }, allUs) {
  const scale = (WIDTH - 2 * MARGIN) / allUs
  const [x, y, width] = [MARGIN + fromUs * scale, HEADER + depth * ROW, us * scale]
  const letters = Math.floor((width - 6) / LETTER)
  const label = fitting([name, name.slice(name.lastIndexOf('/') + 1)], letters)
  const told = `${name}: ${Math.round(us)} us (${((us / allUs) * 100).toFixed(1)} %), itself ${Math.round(selfUs)} us`
  const text = label && `<text x="${(x + 3).toFixed(1)}" y="${y + 13}">${escaped(label)}</text>`
  return `<g><title>${escaped(told)}</title><rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${ROW - 1}" fill="${colour(packageName, isOurs)}"/>${text}</g>`
}

/** The first of the names that fits, or as much as does of the last. */
function fitting(names, letters) {
  if (letters < LEAST_LETTERS) return ''
  return names.find((name) => name.length <= letters) ?? `${names.at(-1).slice(0, letters - 1)}…`
}

function colour(packageName, isOurs) {
  if (isOurs) return '#ffb347'
  let hash = 0
  for (const letter of packageName) hash = (hash * 31 + letter.codePointAt(0)) % 360
  return `hsl(${160 + (hash % 140)} 45% 84%)`
}

function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
