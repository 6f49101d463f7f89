import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { toolFixture } from './tool-fixture.ts'

const alert = {
  id: 'template_paused',
  subject: 'otp_login fr',
  severity: 'critical',
  what: 'It is paused: \u001b[2Jsays Meta.',
  remedy: 'Set another.',
  since: '2026-05-04T10:00:00.000Z',
  toldAt: '2026-05-04T10:00:10.000Z',
  isClearing: false,
}

/** An API that answers with this, and what it was asked. */
async function apiOf(statusCode: number, body: object) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    response.writeHead(statusCode, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  return { asked, tool: toolFixture({ RELAIS_URL: `http://127.0.0.1:${port}`, RELAIS_OPS_KEY: 'ops-key' }) }
}

describe('alerts', () => {
  it('shows what is wrong and what to do, and says so by its exit code', async () => {
    const body = { mode: 'fallback', firing: [alert], undelivered: 2, isPosted: true }
    const { asked, tool } = await apiOf(200, body)
    const { code, output } = await tool.run('alerts')
    expect(code).toBe(1)
    expect(output).toMatch(/^critical {2}template_paused otp_login fr {2}since 2026-05-04T10:00:00/)
    expect(output).toContain('It is paused: ?[2Jsays Meta.')
    expect(output).toContain('2 notifications were not taken')
    expect(await tool.json('alerts')).toMatchObject({ code: 1, body })
    expect(asked).toEqual(Array(2).fill('GET /api/admin/alerts'))
  })

  it('says that nothing is wrong, and that nobody would be told', async () => {
    const { tool } = await apiOf(200, { mode: 'connected', firing: [], undelivered: 0, isPosted: false })
    const { code, output } = await tool.run('alerts')
    expect([code, output]).toEqual([
      0,
      'Nothing is wrong that operators are told of.\nALERT_WEBHOOK_URL is not set: alerts are only in the log.\n',
    ])
  })
})

describe('alerts test', () => {
  it('says that the receiver took it', async () => {
    const { asked, tool } = await apiOf(200, { delivered: true, statusCode: 204 })
    expect(await tool.run('alerts', 'test')).toMatchObject({
      code: 0,
      output: expect.stringContaining('took the test (204)'),
    })
    expect(asked).toEqual(['POST /api/admin/alerts/test'])
  })

  it('says why it did not', async () => {
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    onTestFinished(() => write.mockRestore())
    const { tool } = await apiOf(502, { detail: 'The receiver did not take the test: it answered with 500.' })
    expect((await tool.run('alerts', 'test')).code).toBe(1)
    expect(write.mock.calls.join()).toContain('it answered with 500')
  })
})
