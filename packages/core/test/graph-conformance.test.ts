import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { createGraphClient, Secret } from '@relais/core'
import { requestFaults, type GraphRequest, type Operation } from '@relais/simulator/conformance'
import { describe, expect, it, onTestFinished } from 'vitest'

const accessToken = new Secret('EAAtoken')
const app = { appId: '138483919580948', appSecret: new Secret('the-app-secret') }
const bearer = { accessToken, appSecret: app.appSecret }
const phoneNumberId = '106540352242922'
const message = { id: 'msg_1', to: '+221771234567', template: 'otp_login', language: 'fr' }

type Client = ReturnType<typeof createGraphClient>

/** Writes down what a client sends and answers nothing of use. */
async function recorder(appSecretProof = false): Promise<{ requests: GraphRequest[]; client: Client }> {
  const requests: GraphRequest[] = []
  const server = http.createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => (body += chunk))
    request.on('end', () => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://graph')
      const query = Object.fromEntries(searchParams)
      requests.push({ method: request.method ?? '', path: pathname, query, headers: request.headers, body })
      response.end('{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const baseUrl = `http://127.0.0.1:${port}`
  const client = createGraphClient({
    baseUrl,
    apiVersion: 'v26.0',
    timeoutMs: 5000,
    maxSockets: 4,
    appSecretProof,
  })
  onTestFinished(() => {
    client.close()
    server.closeAllConnections()
    server.close()
  })
  return { requests, client }
}

const send = (
  client: Client,
  content: Parameters<Client['send']>[3],
  changes: Partial<typeof message> = {},
) => client.send(phoneNumberId, bearer, { ...message, ...changes }, content)

const calls: [string, Operation, (client: Client) => Promise<unknown>][] = [
  ['a code', 'send_code', (client) => send(client, { type: 'otp', code: '482913' })],
  ['a code with leading zeros', 'send_code', (client) => send(client, { type: 'otp', code: '000123' })],
  ['the longest code', 'send_code', (client) => send(client, { type: 'otp', code: 'A1-B2-C3-D4-E5x' })],
  [
    'a code in another language',
    'send_code',
    (client) => send(client, { type: 'otp', code: '482913' }, { language: 'pt_BR' }),
  ],
  [
    'a template with values',
    'send',
    (client) => send(client, { type: 'template', parameters: ['Awa', '12 500 FCFA'] }),
  ],
  ['a template without values', 'send', (client) => send(client, { type: 'template', parameters: [] })],
  ['a text', 'send', (client) => send(client, { type: 'text', text: 'Où en est la commande ?' })],
  ['an exchange', 'exchange', (client) => client.exchange(app, accessToken, { forSystemUser: false })],
  [
    'an exchange for a system user',
    'exchange',
    (client) => client.exchange(app, accessToken, { forSystemUser: true }),
  ],
  ['an inspection', 'debug_token', (client) => client.inspect(app, accessToken)],
  ['the phone number', 'phone_number', (client) => client.phoneNumber(phoneNumberId, bearer)],
]

describe("what goes to Meta conforms to Meta's documentation:", () => {
  it.each(calls)('%s', async (_what, operation, call) => {
    const { requests, client } = await recorder()
    await call(client)
    expect(requests.map((request) => requestFaults(operation, request))).toEqual([[]])
  })

  it.each(calls)('%s, with the proof of the app secret', async (_what, operation, call) => {
    const { requests, client } = await recorder(true)
    await call(client)
    expect(requests.map((request) => requestFaults(operation, request))).toEqual([[]])
    expect('appsecret_proof' in (requests[0]?.query ?? {})).toBe(operation !== 'exchange')
  })

  it('the access token stands in the header and nowhere else, but for the token that is exchanged or inspected', async () => {
    const { requests, client } = await recorder()
    for (const [, , call] of calls) await call(client)
    for (const { headers, query, body, path } of requests) {
      const named = Object.entries(query).filter(([, value]) => value.includes('EAAtoken'))
      const mayName = {
        '/v26.0/oauth/access_token': ['fb_exchange_token'],
        '/v26.0/debug_token': ['input_token'],
      }
      expect(named.map(([name]) => name)).toEqual(mayName[path as keyof typeof mayName] ?? [])
      expect(path + body).not.toContain('EAAtoken')
      if (path !== '/v26.0/oauth/access_token') expect(headers.authorization).toMatch(/^Bearer \S+$/)
    }
  })

  it('a client that strays is caught', async () => {
    const { requests, client } = await recorder()
    await send(client, { type: 'otp', code: '1234567890123456' }, { to: '221771234567' })
    const [request] = requests
    expect(request && requestFaults('send_code', request)).toEqual([
      'body/to must match ^\\+[1-9][0-9 ()-]{5,}$',
    ])
    await send(client, { type: 'otp', code: '1234567890123456' })
    expect(requests[1] && requestFaults('send_code', requests[1])).toEqual([
      'body/template/components must carry a code of at most 15 characters',
    ])
  })
})
