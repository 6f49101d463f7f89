/** `npm start`, as a newcomer meets it: what it prints is what works. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually, freePort, startNode, type NodeProcess } from '@relais/testing'
import { it } from 'vitest'

async function start(env: Record<string, string>): Promise<NodeProcess> {
  const started = startNode('scripts/dev.mjs', env, { args: ['start'] })
  await started.waitForLine((line) => line.includes('Relais is ready'), 90_000)
  await started.waitForLine((line) => line.includes('/whatsapp-status -H'))
  return started
}

/** Runs the curl that was printed, by its parts. */
async function pasteCurl(started: NodeProcess): Promise<{ url: string; key: string; id: string }> {
  const text = started.lines().join('\n')
  const [, url = '', key = '', body = ''] =
    /curl -s (\S+\/api\/messages) [^]*?Bearer ([^"]+)"[^]*?-d '([^']+)'/.exec(text) ?? []
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  const answer = await fetch(url, { method: 'POST', headers, body })
  return { url, key, id: ((await answer.json()) as { id: string }).id }
}

async function statusOf({ url, key, id }: { url: string; key: string; id: string }): Promise<string> {
  const answer = await fetch(`${url}/${id}`, { headers: { authorization: `Bearer ${key}` } })
  return ((await answer.json()) as { status: string }).status
}

/** Runs what the README of the client shows first, and types the code that came to the simulated phone. */
async function verify(key: string, { PORT, SIMULATOR_ADMIN_PORT }: Record<string, string>): Promise<string> {
  const readme = await readFile('packages/client/README.md', 'utf8')
  const [, lines = ''] = /```js\n([^]*?)```/.exec(readme) ?? []
  const program = lines
    .replace('@relais/client', new URL('../packages/client/dist/index.js', import.meta.url).href)
    .replace(':3000', `:${PORT}`)
    .replace('4567', '4577')
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    env: { PATH: process.env['PATH'], API_KEY: key },
    timeout: 60_000,
  })
  let printed = ''
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()))
  const phone = await eventually(
    async () => {
      const answer = await fetch(`http://127.0.0.1:${SIMULATOR_ADMIN_PORT}/messages`)
      const { messages } = (await answer.json()) as { messages: { to: string; code?: string }[] }
      return messages.find(({ to }) => to.endsWith('4577'))
    },
    (message) => message?.code !== undefined,
    { what: 'a code on the phone' },
  )
  child.stdin.write(`${phone?.code}\n`)
  await once(child, 'close')
  return printed
}

it(
  'the printed curl ends in delivered, the client verifies a code, Ctrl-C leaves nothing, and a second start has the same keys',
  { timeout: 180_000 },
  async (t) => {
    const { expect } = t
    const folder = await mkdtemp(join(tmpdir(), 'relais-'))
    const ports = [await freePort(), await freePort(), await freePort(), await freePort()].map(String)
    const env = {
      HOME: process.env['HOME'] ?? folder,
      PORT: ports[0] ?? '',
      SIMULATOR_PORT: ports[1] ?? '',
      SIMULATOR_ADMIN_PORT: ports[2] ?? '',
      METRICS_PORT: '0',
      RELAIS_DATA_DIR: folder,
      // Whatever a .env of this checkout says, nothing is sent to people from here.
      WHATSAPP_PHONE_NUMBER_ID: '',
      WHATSAPP_ACCESS_TOKEN: '',
    }
    const first = await start(env)
    t.onTestFinished(() => first.kill())
    const message = await pasteCurl(first)
    await eventually(
      () => statusOf(message),
      (status) => status === 'delivered',
    )
    expect(await verify(message.key, env)).toMatch(/verified\n$/)
    const phones = await fetch(`http://127.0.0.1:${env.SIMULATOR_PORT}/`)
    expect(phones.headers.get('content-type')).toContain('text/html')
    expect(((await stat(join(folder, 'keys.json'))).mode & 0o777).toString(8)).toBe('600')
    expect(await first.stop('SIGINT')).toBe(0)
    for (const port of [env.PORT, env.SIMULATOR_PORT]) {
      await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow()
    }

    const second = await start(env)
    t.onTestFinished(() => second.kill())
    const again = await pasteCurl(second)
    expect(again.key).toBe(message.key)
    expect(await statusOf(message)).toMatch(/delivered|read/)
    await eventually(
      () => statusOf(again),
      (status) => status === 'delivered',
    )
    expect(await second.stop('SIGTERM')).toBe(0)
  },
)
