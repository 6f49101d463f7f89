import { createHmac } from 'node:crypto'
import type http from 'node:http'
import { createGraphClient, Secret } from '@relais/core'
import { freePort } from '@relais/testing'
import { describe, expect, it } from 'vitest'
import { clientOf, content, message, sendBy, serve, token } from './graph-fixture.ts'

const send = (port: number) => sendBy(clientOf(port))

describe('a send', () => {
  it('goes to the phone number with the token in the header only', async () => {
    let seen: { url?: string | undefined; headers: http.IncomingHttpHeaders; body: string } | undefined
    const port = await serve((request, response) => {
      let body = ''
      request.on('data', (chunk: Buffer) => (body += chunk.toString()))
      request.on('end', () => {
        seen = { url: request.url, headers: request.headers, body }
        response.end('{"messages":[{"id":"wamid.1"}]}')
      })
    })
    expect(await send(port)).toEqual({ kind: 'accepted', providerMessageId: 'wamid.1' })
    expect(seen?.url).toBe('/v26.0/106540352242922/messages')
    expect(seen?.headers.authorization).toBe('Bearer EAAtoken')
    expect(seen?.headers['content-type']).toBe('application/json')
    expect(JSON.parse(seen?.body ?? '')).toMatchObject({
      to: '+221771234567',
      biz_opaque_callback_data: 'msg_1',
    })
  })

  it("is classified by Meta's code", async () => {
    const error = {
      message: '(#131030) Recipient phone number not in allowed list',
      code: 131030,
      fbtrace_id: 'Az8',
    }
    const port = await serve((_, response) => response.writeHead(400).end(JSON.stringify({ error })))
    expect(await send(port)).toEqual({
      kind: 'failed',
      failure: 'permanent-recipient',
      detail:
        '131030 Recipient phone number not in allowed list. ' +
        'The number is a test number, and the recipient is not in its list. ' +
        'Add the recipient to the list of the test number, or use a real number.',
      graphCode: 131030,
      fbtraceId: 'Az8',
    })
  })

  it('whose answer repeats the code or the token is told without them', async () => {
    const error = {
      message: 'EAAtoken is bad',
      code: 131009,
      error_data: { details: 'Parameter value 482913 is not valid' },
    }
    const port = await serve((_, response) => response.writeHead(400).end(JSON.stringify({ error })))
    const outcome = await send(port)
    expect(outcome).toMatchObject({
      detail: expect.stringMatching(
        /^131009 Parameter value is not valid: Parameter value \[secret\] is not valid\. A value/,
      ),
    })
    expect(JSON.stringify(outcome)).not.toMatch(/482913|EAAtoken/)
  })

  it('keeps its connection for the next one', async () => {
    const sockets = new Set<unknown>()
    const port = await serve((request, response) => {
      sockets.add(request.socket)
      response.end('{"messages":[{"id":"wamid.1"}]}')
    })
    const client = clientOf(port)
    for (let i = 0; i < 5; i += 1) await sendBy(client)
    expect(sockets.size).toBe(1)
  })
})

describe('a call signed with the app secret', () => {
  const bearer = { accessToken: token, appSecret: new Secret('the app secret') }
  const proof = createHmac('sha256', 'the app secret').update('EAAtoken').digest('hex')

  async function queryOf(
    call: (client: ReturnType<typeof createGraphClient>) => Promise<unknown>,
    appSecretProof = true,
  ): Promise<URLSearchParams> {
    let query = new URLSearchParams()
    const port = await serve((request, response) => {
      query = new URL(request.url ?? '', 'http://x').searchParams
      response.end('{}')
    })
    const baseUrl = `http://127.0.0.1:${port}`
    const options = { baseUrl, apiVersion: 'v26.0', timeoutMs: 5000, maxSockets: 1, appSecretProof }
    await call(createGraphClient(options))
    return query
  }

  it('carries the proof for its token, and the token itself in the header only', async () => {
    const sent = await queryOf((client) => client.send('106540352242922', bearer, message, content))
    expect([...sent]).toEqual([['appsecret_proof', proof]])
    const read = await queryOf((client) => client.phoneNumber('106540352242922', bearer))
    expect(read.get('appsecret_proof')).toBe(proof)
  })

  it('is asked about another token with the proof for the token of the app', async () => {
    const app = { appId: '138', appSecret: bearer.appSecret }
    const asked = await queryOf((client) => client.inspect(app, token))
    const appToken = '138|the app secret'
    expect(asked.get('appsecret_proof')).toBe(
      createHmac('sha256', 'the app secret').update(appToken).digest('hex'),
    )
  })

  it('carries none unless that is switched on', async () => {
    const sent = await queryOf((client) => client.send('106540352242922', bearer, message, content), false)
    expect([...sent]).toEqual([])
  })
})

describe('an exchange', () => {
  const app = { appId: '138483919580948', appSecret: new Secret('the app secret') }

  it('gives the new token as a secret, with its life if Meta says it', async () => {
    const port = await serve((request, response) => {
      const { searchParams } = new URL(request.url ?? '', 'http://x')
      expect(searchParams.get('fb_exchange_token')).toBe('EAAtoken')
      response.end('{"access_token":"EAAnew","token_type":"bearer","expires_in":5183944}')
    })
    const answer = await clientOf(port).exchange(app, token, { forSystemUser: true })
    expect(answer).toMatchObject({ kind: 'exchanged', expiresInSeconds: 5_183_944 })
    expect(JSON.stringify(answer)).not.toContain('EAAnew')
  })

  it('that fails tells neither token nor secret, even if Meta repeats them', async () => {
    const port = await serve((_, response) =>
      response.writeHead(400).end('{"error":{"message":"EAAtoken with the app secret is bad","code":190}}'),
    )
    const answer = await clientOf(port).exchange(app, token, { forSystemUser: true })
    expect(answer).toMatchObject({ kind: 'refused', error: { message: '[secret] with [secret] is bad' } })
  })

  it('that finds no one tells no URL', async () => {
    const answer = await clientOf(await freePort()).exchange(app, token, { forSystemUser: true })
    expect(answer).toEqual({ kind: 'unreachable', detail: 'the connection failed: ECONNREFUSED' })
  })
})
