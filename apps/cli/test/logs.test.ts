import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished, vi } from 'vitest'
import { UsageError } from '../src/command.ts'
import { toolFixture } from './tool-fixture.ts'

/** An API that answers so, and what it was asked. */
async function apiOf(statusCode: number, answer: object) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      asked.push(`${request.method} ${request.url} ${body}`.trim())
      response.writeHead(statusCode, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  return { asked, tool: toolFixture({ RELAIS_URL: `http://127.0.0.1:${port}`, RELAIS_OPS_KEY: 'ops-key' }) }
}

it('shows the level, and until when', async () => {
  const usual = await apiOf(200, { level: 'info', usual: 'info' })
  expect(await usual.tool.run('logs', 'level')).toEqual({ code: 0, output: 'info\n' })
  expect(usual.asked).toEqual(['GET /api/admin/log-level'])
  const state = { level: 'debug', usual: 'info', until: '2026-05-04T10:15:00.000Z' }
  const set = await apiOf(200, state)
  const { output } = await set.tool.run('logs', 'level')
  expect(output).toBe('debug until 2026-05-04T10:15:00.000Z, then info\n')
  expect(await set.tool.json('logs', 'level')).toEqual({ code: 0, body: state })
})

it('sets it for a quarter of an hour, unless told otherwise', async () => {
  const { tool, asked } = await apiOf(200, { level: 'debug', usual: 'info' })
  expect((await tool.run('logs', 'level', 'debug')).code).toBe(0)
  expect((await tool.run('logs', 'level', 'trace', '--minutes', '5')).code).toBe(0)
  expect(asked).toEqual([
    'PUT /api/admin/log-level {"level":"debug","minutes":15}',
    'PUT /api/admin/log-level {"level":"trace","minutes":5}',
  ])
})

it('says in the words of the API why not', async () => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  onTestFinished(() => write.mockRestore())
  const { tool } = await apiOf(503, { detail: 'The queue cannot be reached right now.' })
  expect(await tool.run('logs', 'level')).toEqual({ code: 1, output: '' })
  expect(write).toHaveBeenCalledWith('The queue cannot be reached right now.\n')
})

it.each([
  ['silent'],
  ['error'],
  ['debug', '--minutes', '0'],
  ['debug', '--minutes', '1441'],
  ['--minutes', '5'],
])('logs level %s %s %s makes no sense', async (...args) => {
  const { tool, asked } = await apiOf(200, {})
  await expect(tool.run('logs', 'level', ...args)).rejects.toBeInstanceOf(UsageError)
  expect(asked).toEqual([])
})
