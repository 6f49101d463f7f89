/** An API that answers what a test says. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { toolFixture } from './tool-fixture.ts'

type Asked = { method: string; url: string; authorization: string; body: string }

/** It answers with these, in order. `asked` is what it was asked, `tool` asks it. */
export async function apiOf(...answers: { statusCode: number; body: object }[]) {
  const asked: Asked[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      asked.push({ method, url, authorization: headers.authorization ?? '', body })
      const { statusCode, body: answer } = answers.shift() ?? { statusCode: 404, body: {} }
      response.writeHead(statusCode, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  return { asked, url, tool: toolFixture({ RELAIS_URL: url, RELAIS_OPS_KEY: 'ops-key' }) }
}
