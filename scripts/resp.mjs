import { connect } from 'node:net'

/**
 * Sends one command to a Redis on 127.0.0.1 and returns its reply: text, a number, null, or an array of these.
 * Just enough of the protocol to look after a server of our own.
 * @throws Error when the server refuses, closes, or says nothing for `timeoutMs`.
 */
export function askRedis(port, command, timeoutMs = 1000) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let received = ''
    const finish = (settle, value) => {
      socket.destroy()
      settle(value)
    }
    socket.setTimeout(timeoutMs, () => finish(reject, new Error('no answer')))
    socket.on('error', (error) => finish(reject, error))
    socket.on('close', () => finish(reject, new Error('closed without an answer')))
    socket.setEncoding('latin1').on('data', (chunk) => {
      received += chunk
      const parsed = parseReply(received)
      if (parsed === undefined) return
      if (parsed.value instanceof Error) finish(reject, parsed.value)
      else finish(resolve, parsed.value)
    })
    socket.write(encodeCommand(command))
  })
}

function encodeCommand(words) {
  const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`)
  return `*${words.length}\r\n${parts.join('')}`
}

/** `{ value, end }`, or undefined while the reply is not complete. Text is latin1: one character a byte. */
export function parseReply(text, from = 0) {
  const lineEnd = text.indexOf('\r\n', from)
  if (lineEnd < 0) return undefined
  const head = text.slice(from + 1, lineEnd)
  const next = lineEnd + 2
  switch (text[from]) {
    case '+':
      return { value: head, end: next }
    case '-':
      return { value: new Error(head), end: next }
    case ':':
      return { value: Number(head), end: next }
    case '$':
      return parseBulk(text, next, Number(head))
    case '*':
      return parseArray(text, next, Number(head))
    default:
      return { value: new Error('not a Redis'), end: text.length }
  }
}

function parseBulk(text, start, length) {
  if (length < 0) return { value: null, end: start }
  const end = start + length + 2
  if (text.length < end) return undefined
  return { value: Buffer.from(text.slice(start, end - 2), 'latin1').toString('utf8'), end }
}

function parseArray(text, start, length) {
  const value = []
  let end = start
  while (value.length < length) {
    const item = parseReply(text, end)
    if (item === undefined) return undefined
    value.push(item.value)
    end = item.end
  }
  return { value, end }
}
