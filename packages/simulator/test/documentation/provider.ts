import http from 'node:http'
import { onTestFinished } from 'vitest'
import { createSimulator, type Simulator, type SimulatorOptions } from '../../src/index.ts'

/** What a developer finds in the dashboard of their app. */
export const account = {
  phoneNumberId: '106540352242922',
  accessToken: 'EAAGfirstToken',
  appId: '138483919580948',
  appSecret: 'the-app-secret',
  businessId: '102290129340398',
  systemUserId: '122000000000001',
}

const none = { min: 0, max: 0 }

/** Starts what stands in for graph.facebook.com. The tests talk to its `graphUrl` and to nothing else of it. */
export async function start(options: Partial<SimulatorOptions> = {}): Promise<Simulator> {
  const timing = { answer: none, sent: none, delivered: none, read: none }
  const simulator = await createSimulator({ ...account, timing, ...options })
  onTestFinished(() => simulator.close())
  return simulator
}

/** What comes back. Tests name the fields they read. */
export type Answer = { statusCode: number; headers: http.IncomingHttpHeaders; text: string; json: Json }

export type Json = { [key: string]: Json } & Json[] & string

/** One plain HTTP call; the URL, headers and body leave exactly as given. */
export function call(
  method: string,
  url: string,
  headers: Record<string, string> = {},
  body = '',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers, agent: false }, (response) => {
      response.setEncoding('utf8')
      let text = ''
      response.on('data', (chunk: string) => (text += chunk))
      response.on('end', () =>
        resolve({
          statusCode: response.statusCode ?? 0,
          headers: response.headers,
          text,
          json: JSON.parse(text) as Json,
        }),
      )
    })
    request.on('error', reject)
    request.end(body)
  })
}

export const bearer = (token: string) => ({ Authorization: `Bearer ${token}` })
