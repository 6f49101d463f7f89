// Old Nodes must be able to read this file: no syntax younger than the first Nodes with modules.

/** The oldest Node that runs Relais, as [major, minor]. */
const oldestNode = [20, 19]

/** Whether a version such as `20.19.4` is recent enough. */
export function isSupportedNode(version) {
  const parts = version.split('.').map(Number)
  return parts[0] > oldestNode[0] || (parts[0] === oldestNode[0] && parts[1] >= oldestNode[1])
}

/** Ends the process with one line unless this Node is recent enough. */
export function requireSupportedNode() {
  if (isSupportedNode(process.versions.node)) return
  console.error(
    'relais: needs Node ' + oldestNode.join('.') + ' or later, and this is ' + process.versions.node,
  )
  process.exit(1)
}
