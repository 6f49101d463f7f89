import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { eventually, freePort, startNode } from '@relais/testing'

test('a process shows its lines and gets only the environment it was given', async () => {
  const script = await scriptOf(`console.log(JSON.stringify(Object.keys(process.env).sort()))`)
  const started = startNode(script, { PORT: '0' })
  await started.exited
  const names = JSON.parse(started.lines()[0] ?? '') as string[]
  expect(names).toContain('PATH')
  expect(names).toContain('PORT')
  expect(names).not.toContain('VITEST')
})

test('a line is awaited, and JSON lines are read as objects', async () => {
  const script = await scriptOf(`
    console.log('starting')
    setTimeout(() => console.log('{"event":"ready"}'), 50)
    setInterval(() => {}, 1000)`)
  const started = startNode(script)
  onTestFinished(() => started.kill())
  await started.waitForLine((line) => line.includes('ready'))
  expect(started.jsonLines()).toEqual([{ event: 'ready' }])
})

test('waiting for a line of a process that ends first fails with its last lines', async () => {
  const started = startNode(await scriptOf(`console.error('no REDIS_URL'); process.exit(78)`))
  await expect(started.waitForLine((line) => line === 'ready')).rejects.toThrow(
    /ended \(78\).*\nno REDIS_URL/s,
  )
})

test('a process that ends well gives its exit code, and one that ignores the signal is an error', async () => {
  const polite = startNode(await scriptOf(`process.on('SIGTERM', () => process.exit(3)); ${stayUp}`))
  await polite.waitForLine((line) => line === 'up')
  expect(await polite.stop()).toBe(3)

  const deaf = startNode(
    await scriptOf(`process.on('SIGTERM', () => {}); ${stayUp}`),
    {},
    { stopWithinMs: 100 },
  )
  await deaf.waitForLine((line) => line === 'up')
  await expect(deaf.stop()).rejects.toThrow('did not end within 100 ms of SIGTERM')
  expect((await deaf.exited).signal).toBe('SIGKILL')
})

test.runIf(process.env['RELAIS_REDIS_SERVER'])('nothing outlives a test process that is killed', async () => {
  const port = await freePort()
  const index = new URL('../dist/index.js', import.meta.url).href
  const script = await scriptOf(`
    const { startRedis } = await import('${index}')
    await startRedis({ port: ${port} })
    console.log('up')
    setInterval(() => {}, 1000)`)
  const server = { RELAIS_REDIS_SERVER: process.env['RELAIS_REDIS_SERVER'] ?? '' }
  const libraries = { RELAIS_REDIS_LD_LIBRARY_PATH: process.env['RELAIS_REDIS_LD_LIBRARY_PATH'] ?? '' }
  const tests = startNode(script, { ...server, ...libraries })
  await tests.waitForLine((line) => line === 'up')
  await tests.kill()
  await eventually(
    () => isListening(port),
    (listens) => !listens,
    { what: 'the end of the server' },
  )
})

const stayUp = `console.log('up'); setInterval(() => {}, 1000)`

async function scriptOf(source: string): Promise<string> {
  const file = join(await mkdtemp(join(tmpdir(), 'relais-node-')), 'script.mjs')
  await writeFile(file, source)
  return file
}

async function isListening(port: number): Promise<boolean> {
  const { connect } = await import('node:net')
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true))
    socket.on('error', () => resolve(false)).on('connect', () => socket.destroy())
  })
}
