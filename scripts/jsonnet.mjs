import { join } from 'node:path'
import { root } from './root.mjs'
import { fetchPackage, unpackedProgram } from './system-package.mjs'
import { runTool } from './tool.mjs'

const debian = { title: 'a Jsonnet', name: 'jsonnet', program: 'usr/bin/jsonnet' }

/**
 * Finds the program that renders the templates of Ory Kratos: on the PATH, else Debian's package unpacked into `.cache/jsonnet` (nothing is
 * installed on the system).
 * @returns the command, or undefined.
 */
export async function findJsonnet({ onProgress = () => {} } = {}) {
  const { code } = await runTool('jsonnet', ['--version'], { timeoutMs: 5000 })
  if (code === 0) return 'jsonnet'
  const folder = join(root, '.cache/jsonnet')
  const found =
    (await unpackedProgram(folder, debian.program)) ?? (await fetchPackage(folder, debian, onProgress))
  return found?.command
}
