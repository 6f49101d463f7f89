/** CPU profiles of V8, read for people. */
import { readFile } from 'node:fs/promises'

const NOT_WORK = ['(idle)', '(program)', '(root)']
const OURS = /^(core|api|worker)$/

/**
 * @returns { root, nodes, totalUs }: the work in a profile, without what was idle. A node has `name`, `packageName`, `isOurs`, `selfUs`,
 *   `parent` and `children`
 */
export async function readProfile(file) {
  const { nodes: raw, samples, timeDeltas } = JSON.parse(await readFile(file, 'utf8'))
  const byId = new Map(raw.map(({ id, callFrame }) => [id, nodeOf(callFrame)]))
  for (const { id, children = [] } of raw) {
    const node = byId.get(id)
    node.children = children.map((child) => byId.get(child))
    for (const child of node.children) child.parent = node
  }
  for (const [i, id] of samples.entries()) {
    const node = byId.get(id)
    if (!NOT_WORK.includes(node.functionName)) node.selfUs += timeDeltas[i]
  }
  const nodes = [...byId.values()]
  return { root: byId.get(raw[0].id), nodes, totalUs: nodes.reduce((sum, { selfUs }) => sum + selfUs, 0) }
}

function nodeOf(callFrame) {
  const packageName = packageOf(callFrame)
  const { functionName, url, lineNumber } = callFrame
  return {
    functionName,
    packageName,
    isOurs: OURS.test(packageName),
    name: `${functionName || '(anonymous)'} ${shortPath(url)}${url ? `:${lineNumber + 1}` : ''}`,
    selfUs: 0,
    children: [],
  }
}

function shortPath(url) {
  return url.replace(/^.*\/(node_modules\/)?(?=[^/]+\/[^/]+\/[^/]+$)/, '')
}

function packageOf({ url, functionName }) {
  if (url === '') return functionName === '(garbage collector)' ? 'gc' : 'native'
  if (url.startsWith('node:')) return url.split('/', 1)[0]
  const [, name] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url) ?? []
  return name ?? /(?:apps|packages)\/([^/]+)\//.exec(url)?.[1] ?? url
}
