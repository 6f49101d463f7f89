import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { readSettings } from '../src/settings.ts'
import { eventually } from './setup.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const main = fileURLToPath(new URL('../dist/main.js', import.meta.url))

beforeAll(() => {
  const tsc = join(root, 'node_modules/.bin/tsc')
  const built = spawnSync(tsc, ['-b', 'packages/simulator'], { cwd: root, encoding: 'utf8' })
  if (built.status !== 0) throw new Error(`the simulator does not compile:\n${built.stdout}`)
}, 60_000)

test('it starts with demo values, says where it is, and leaves at once on SIGTERM with a viewer open', async () => {
  const run = start({ SIMULATOR_PORT: '0', SIMULATOR_ADMIN_PORT: '0' })
  const out = await eventually(run.stdout, (text) => text.includes('WHATSAPP_BUSINESS_ID'))
  expect(out).toMatch(/Graph API http:\/\/127\.0\.0\.1:\d+ · phones http:.+ · control http:/)
  expect(out).toContain('WHATSAPP_ACCESS_TOKEN=demo-access-token (demo value)')
  const graphUrl = /Graph API (\S+)/.exec(out)?.[1]
  const viewer = await fetch(`${graphUrl}/phones/events`)
  run.child.kill('SIGTERM')
  expect(await run.exit).toBe(0)
  await viewer.body?.cancel().catch(() => undefined)
  expect(run.stderr()).toBe('')
})

test('values of the environment are used and never printed; a .env file fills the gaps', async () => {
  const env = {
    SIMULATOR_PORT: '0',
    SIMULATOR_ADMIN_PORT: '0',
    WHATSAPP_ACCESS_TOKEN: 'from-the-environment',
  }
  const run = start(env, 'WHATSAPP_ACCESS_TOKEN=from-the-file\nWHATSAPP_PHONE_NUMBER_ID=4711\n')
  const out = await eventually(run.stdout, (text) => text.includes('WHATSAPP_BUSINESS_ID'))
  expect(out).not.toMatch(/from-the-|4711/)
  const graphUrl = /Graph API (\S+)/.exec(out)?.[1]
  const headers = { authorization: 'Bearer from-the-environment' }
  expect((await fetch(`${graphUrl}/v26.0/4711`, { headers })).status).toBe(200)
})

test('malformed values stop it with 78 and one line each, without the value', async () => {
  const run = start({
    SIMULATOR_PORT: 'quatre',
    SIMULATOR_WEBHOOK_URL: 'nowhere',
    WHATSAPP_APP_SECRET: 'a b',
  })
  expect(await run.exit).toBe(78)
  const lines = run.stderr().trim().split('\n')
  expect(lines.map((line) => line.split(' ')[0])).toEqual([
    'SIMULATOR_PORT',
    'SIMULATOR_WEBHOOK_URL',
    'WHATSAPP_APP_SECRET',
  ])
  expect(run.stderr()).not.toMatch(/quatre|nowhere|a b/)
  expect(lines[0]).toContain('for example 4010')
})

test('a port that is taken is named with its setting', async () => {
  const port = await takePort()
  const run = start({ SIMULATOR_PORT: '0', SIMULATOR_ADMIN_PORT: String(port) })
  expect(await run.exit).toBe(1)
  expect(run.stderr().trim()).toBe(`Port ${port} is already in use: set SIMULATOR_ADMIN_PORT to a free port`)
})

test('an empty value counts as unset', () => {
  const { settings } = readSettings({ SIMULATOR_PORT: '', WHATSAPP_APP_ID: '', SIMULATOR_LATENCY_MS: '40' })
  expect(settings?.options).toMatchObject({
    port: 4010,
    adminPort: 4011,
    timing: { answer: { min: 40, max: 40 } },
    templates: [{ name: 'otp_login', language: 'fr' }],
  })
  expect(settings?.demoValues).toHaveProperty('WHATSAPP_APP_ID')
})

test('both ports must differ', () => {
  expect(readSettings({ SIMULATOR_PORT: '5000', SIMULATOR_ADMIN_PORT: '5000' }).faults).toHaveLength(1)
})

/** The built process in an empty directory; killed when the test ends. */
function start(env: Record<string, string>, envFile?: string) {
  const cwd = mkdtempSync(join(tmpdir(), 'simulator-'))
  if (envFile !== undefined) writeFileSync(join(cwd, '.env'), envFile)
  const child = spawn(process.execPath, [main], { cwd, env: { PATH: process.env['PATH'], ...env } })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => (stdout += chunk))
  child.stderr.on('data', (chunk) => (stderr += chunk))
  const exit = new Promise<number | null>((resolve) => child.on('close', resolve))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exit
    rmSync(cwd, { recursive: true })
  })
  return { child, exit, stdout: () => stdout, stderr: () => stderr }
}

async function takePort(): Promise<number> {
  const server = http.createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}
