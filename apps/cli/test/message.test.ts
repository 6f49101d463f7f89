import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { UsageError } from '../src/command.ts'
import { toolFixture } from './tool-fixture.ts'

/** Standard error, kept for the test. */
function stderr(): () => string {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  onTestFinished(() => write.mockRestore())
  return () => write.mock.calls.map(([text]) => String(text)).join('')
}

/** An API that answers with this, and what it was asked. */
async function apiOf(statusCode: number, answer: object) {
  const asked: unknown[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      asked.push([request.method, request.url, body])
      response.writeHead(statusCode, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  return { asked, tool: toolFixture({ RELAIS_URL: `http://127.0.0.1:${port}`, RELAIS_OPS_KEY: 'ops-key' }) }
}

const summary = {
  id: 'msg_1',
  app: 'wallet',
  type: 'otp',
  to: '…4567',
  reference: 'login\u001b[2J',
  status: 'fallback',
  reason: 'token_unavailable',
  attempts: 1,
  acceptedAt: '2026-05-04T10:00:00.000Z',
  expiresAt: '2026-05-04T10:05:00.000Z',
}

const story = {
  ...summary,
  story: [
    { status: 'queued', at: summary.acceptedAt, durationMs: 200, spentOn: 'turn' },
    {
      status: 'queued',
      at: summary.acceptedAt,
      detail: 'waiting for an access token',
      durationMs: 41_000,
      spentOn: 'token',
    },
    { status: 'sending', at: summary.acceptedAt, attempt: 1, durationMs: 90, spentOn: 'call' },
    { status: 'fallback', at: summary.expiresAt, detail: 'no usable access token in time' },
  ],
  cause: 'There was no living access token.',
  remedy: 'Bring a new token.',
  resentAs: 'msg_2',
  canResend: { ok: false, why: 'It was sent again before: see msg_2.' },
  canCancel: { ok: false, why: 'It has ended before.' },
}

describe('message search', () => {
  it.for([
    [['--to', '+221771234567'], { to: '+221771234567' }],
    [['--reference', 'order-7'], { reference: 'order-7' }],
    [['--meta-id', 'wamid.1'], { providerMessageId: 'wamid.1' }],
  ] as const)('%j asks for it in the body', async ([args, body]) => {
    const { asked, tool } = await apiOf(200, { messages: [summary] })
    const { code, output } = await tool.run('message', 'search', ...args)
    expect(asked).toEqual([['POST', '/api/admin/messages/search', JSON.stringify(body)]])
    expect(code).toBe(0)
    expect(output).toBe(
      '2026-05-04T10:00:00.000Z  msg_1  wallet  otp  …4567  fallback  token_unavailable  login?[2J\n',
    )
    expect(await tool.json('message', 'search', ...args)).toEqual({ code: 0, body: { messages: [summary] } })
  })

  it('says that there is none', async () => {
    const told = stderr()
    const { tool } = await apiOf(200, { messages: [] })
    expect(await tool.run('message', 'search', '--to', '+221771234567')).toEqual({ code: 1, output: '' })
    expect(told()).toContain('There is no such message')
    expect(told()).not.toContain('771234567')
  })

  it.for([[], ['--to', '+221771234567', '--reference', 'r']])('makes no sense as %j', async (args) => {
    await expect(toolFixture().run('message', 'search', ...args)).rejects.toBeInstanceOf(UsageError)
  })
})

describe('message show', () => {
  it('tells the story', async () => {
    const { asked, tool } = await apiOf(200, story)
    const { code, output } = await tool.run('message', 'show', 'msg_1')
    expect(asked).toEqual([['GET', '/api/admin/messages/msg_1', '']])
    expect(code).toBe(0)
    expect(output).toContain('Why: There was no living access token.\nWhat to do: Bring a new token.\n')
    expect(output).toContain('    waiting for an access token\n    waited for an access token: 41.0 s\n')
    expect(output).toContain('  sending  call 1\n    call to Meta: 90 ms\n')
    expect(output).toContain('Sent again as msg_2.')
    expect(output).not.toContain('\u001b')
    expect(await tool.json('message', 'show', 'msg_1')).toEqual({ code: 0, body: story })
  })
})

describe('message resend and message cancel', () => {
  it.for([
    [
      'resend',
      202,
      { id: 'msg_2', resendOf: 'msg_1', expiresAt: summary.expiresAt },
      'goes out again as msg_2',
    ],
    ['cancel', 200, { ...summary, status: 'canceled' }, 'msg_1 was taken back'],
  ] as const)('%s is done by the API', async ([name, statusCode, body, said]) => {
    const { asked, tool } = await apiOf(statusCode, body)
    const { code, output } = await tool.run('message', name, 'msg_1')
    expect(asked).toEqual([['POST', `/api/admin/messages/msg_1/${name}`, '{}']])
    expect([code, output.includes(said)]).toEqual([0, true])
    expect(await tool.json('message', name, 'msg_1')).toEqual({ code: 0, body })
  })

  it.for(['show', 'resend', 'cancel'])('%s says in the words of the API why not', async (name) => {
    const told = stderr()
    const { tool } = await apiOf(409, { detail: 'The phone has it (delivered).' })
    expect(await tool.run('message', name, 'msg_1')).toEqual({ code: 1, output: '' })
    expect(told()).toBe('The phone has it (delivered).\n')
    await expect(tool.run('message', name)).rejects.toBeInstanceOf(UsageError)
    await expect(tool.run('message', name, 'msg/1')).rejects.toBeInstanceOf(UsageError)
  })
})
