/** A client for Meta, and servers that play Meta badly. All of it closes with the test. */
import http from 'node:http'
import net, { type AddressInfo, type Server, type Socket } from 'node:net'
import { createGraphClient, Secret } from '@relais/core'
import { onTestFinished } from 'vitest'

export const message = { id: 'msg_1', to: '+221771234567', template: 'otp_login', language: 'fr' }
export const content = { type: 'otp', code: '482913' } as const
export const token = new Secret('EAAtoken')

export function clientOf(server: number | string, options: { timeoutMs?: number; maxSockets?: number } = {}) {
  const client = createGraphClient({
    baseUrl: typeof server === 'string' ? server : `http://127.0.0.1:${server}`,
    apiVersion: 'v26.0',
    timeoutMs: options.timeoutMs ?? 5000,
    maxSockets: options.maxSockets ?? 10,
  })
  onTestFinished(() => client.close())
  return client
}

/** Sends one code through a client. */
export function sendBy(client: ReturnType<typeof clientOf>) {
  return client.send('106540352242922', { accessToken: token }, message, content)
}

/** A server that answers each request as the test says. */
export async function serve(onRequest: http.RequestListener): Promise<number> {
  const server = http.createServer(onRequest)
  onTestFinished(() => server.closeAllConnections())
  return listen(server)
}

/** A server that does with each connection what the test says. `open` holds those that are not closed. */
export async function serveRaw(
  onConnection: (socket: Socket) => void,
): Promise<{ port: number; open: Set<Socket> }> {
  const open = new Set<Socket>()
  const server = net.createServer((socket) => {
    open.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => open.delete(socket))
    onConnection(socket)
    // Who does not read does not hear of the end either.
    socket.resume()
  })
  onTestFinished(() => {
    for (const socket of open) socket.destroy()
  })
  return { port: await listen(server), open }
}

/** Listens on a free port of 127.0.0.1. */
export async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}
