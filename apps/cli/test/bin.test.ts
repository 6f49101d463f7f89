/** `npx relais`, as its own process. */
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { helpOf } from '../src/help.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const bin = fileURLToPath(new URL('../bin/relais.js', import.meta.url))

function run(command: string, args: string[], env: Record<string, string> = {}) {
  return new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
    const options = { cwd: root, env: { ...process.env, ...env }, timeout: 60_000 }
    const child = execFile(command, args, options, (error, stdout, stderr) =>
      resolve({ code: error ? error.code : 0, stdout, stderr }),
    )
    child.stdin?.end()
  })
}

describe('npx relais', () => {
  it('is there once the workspace is installed, and is the tool', async () => {
    expect(await run('npx', ['relais', '--help'], { npm_config_yes: 'false' })).toMatchObject({
      code: 0,
      stdout: helpOf(),
    })
  })

  it('says what to do while it is not built', async () => {
    const folder = join(await mkdtemp(join(tmpdir(), 'relais-')), 'cli')
    await mkdir(join(folder, 'bin'), { recursive: true })
    await writeFile(join(folder, 'package.json'), '{"type":"module"}')
    await cp(bin, join(folder, 'bin/relais.js'))
    const { code, stderr } = await run(process.execPath, [join(folder, 'bin/relais.js'), 'status'])
    expect([code, stderr]).toEqual([70, 'relais: it is not built yet: run `npm run build` first\n'])
  })

  it('says which Node it needs, which is the one of the workspace', async () => {
    const before = "Object.defineProperty(process.versions, 'node', { value: '18.20.4' })"
    const preload = `data:text/javascript,${encodeURIComponent(before)}`
    const { code, stderr } = await run(process.execPath, ['--import', preload, bin, 'status'])
    expect([code, stderr]).toEqual([70, 'relais: needs Node 20.19 or later, and this is 18.20.4\n'])
    const { engines } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
      engines: { node: string }
    }
    expect(stderr).toContain(`Node ${engines.node.replace('>=', '')} `)
  })
})

it('the guide of setup keeps its questions apart from JSON', async () => {
  const file = join(await mkdtemp(join(tmpdir(), 'relais-')), '.env')
  const args = [bin, 'setup', '--json', '--language', 'fr', '--file', file]
  const { code, stdout, stderr } = await run(process.execPath, args)
  expect(code).toBe(1)
  expect(JSON.parse(stdout)).toEqual({ isWritten: false, file })
  expect(stderr).toContain('Rien n’a été écrit')
})

describe('a command line', () => {
  it.for([
    [['help', 'queues', 'pause'], 0, 'stdout', /^npx relais queues pause NAME --why TEXT\n/],
    [
      ['queues', 'pause', 'messages'],
      64,
      'stderr',
      /takes --why.*\nusage: npx relais queues pause NAME --why TEXT;/,
    ],
    [
      ['keys'],
      64,
      'stderr',
      /^one of these is meant: keys create, keys list, keys revoke\nusage: npx relais COMMAND/,
    ],
    [['check'], 64, 'stderr', /^there is no such command/],
    [['keys', 'list', '--file', '/nonexistent/.env'], 64, 'stderr', /^--file names no file/],
    [['keys', 'list', '--file', '/dev/null'], 78, 'stderr', /^REDIS_URL/m],
    [['queues', '--file', '/dev/null'], 78, 'stderr', /there is no ops key/],
    [['queues', '--file', '/dev/null', '--url', 'x'], 78, 'stderr', /RELAIS_URL or PORT gives no URL/],
  ] as const)('%j ends with its exit code', async ([args, code, where, said]) => {
    const env = { RELAIS_DATA_DIR: '/nonexistent', REDIS_URL: '', RELAIS_OPS_KEY: '', OPS_KEYS: '' }
    const ended = await run(process.execPath, [bin, ...args], env)
    expect(ended).toMatchObject({ code, [where]: expect.stringMatching(said) as string })
  })
})
