/** The operators' tool, run as its own process with nothing of this machine's settings. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** Ends within a minute. */
export async function runTool(
  args: readonly string[],
  env: Record<string, string>,
): Promise<{ code: number | null; output: string; errors: string }> {
  const child = spawn(process.execPath, ['apps/cli/dist/main.js', ...args, '--file', '/dev/null'], {
    env: { PATH: process.env['PATH'], RELAIS_DATA_DIR: '/nonexistent', RELAIS_OPERATOR: 'awa', ...env },
    timeout: 60_000,
  })
  const texts = { output: '', errors: '' }
  child.stdout.on('data', (chunk: Buffer) => (texts.output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (texts.errors += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, ...texts }
}
