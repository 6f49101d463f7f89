/**
 * Just enough of an HTTP client to make load without being the load: keep-alive connections that write ready bytes and read as much of an
 * answer as its end takes. A tenth of what an ordinary client costs, so both sides that are compared have the machine for themselves.
 */
import { once } from 'node:events'
import { connect } from 'node:net'

/** The bytes of a POST. @param headers beside those that HTTP needs */
export function postBytes(path, headers, body) {
  const length = Buffer.byteLength(body)
  const lines = Object.entries({ host: '127.0.0.1', 'content-type': 'application/json', ...headers })
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return `POST ${path} HTTP/1.1\r\n${head}content-length: ${length}\r\n\r\n${body}`
}

/**
 * Opens `count` connections. Each lane has `post(bytes)`, which resolves to the status of the answer; one at a time.
 * @throws Error (from `post`) when the connection ends, or an answer has no length
 */
export async function openLanes(port, count) {
  return Promise.all(Array.from({ length: count }, () => openLane(port)))
}

/** A server closes connections that are not used for a while: such a lane gets another one. */
async function openLane(port) {
  let connection = await openConnection(port)
  return {
    async post(bytes) {
      if (!connection.isOpen()) connection = await openConnection(port)
      return connection.post(bytes)
    },
    close: () => connection.close(),
  }
}

async function openConnection(port) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  let received = ''
  let waiting
  const fail = (error) => {
    const { reject } = waiting ?? {}
    waiting = undefined
    reject?.(error ?? new Error('the connection ended'))
  }
  socket.setEncoding('latin1')
  socket.on('error', fail)
  socket.on('close', () => fail())
  socket.on('data', (chunk) => {
    received = received === '' ? chunk : received + chunk
    const bodyAt = received.indexOf('\r\n\r\n') + 4
    if (bodyAt < 4) return
    const [, length] = /content-length: *(\d+)/i.exec(received.slice(0, bodyAt)) ?? []
    if (length === undefined) return socket.destroy(new Error('an answer without a length'))
    if (received.length < bodyAt + Number(length)) return
    const status = Number(received.slice(9, 12))
    received = ''
    // A server that closes may say so, though nobody has asked.
    if (!waiting) return
    const { resolve } = waiting
    waiting = undefined
    resolve(status)
  })

  return {
    isOpen: () => socket.writable,
    post(bytes) {
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject }
        socket.write(bytes)
      })
    },
    close: () => socket.destroy(),
  }
}
