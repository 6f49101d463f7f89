/**
 * How many sends a second the simulator takes: `node bench/sends.mjs [sends] [connections] [--webhooks]`, after
 * `npm run build`. The simulator runs in this process without answer delay or limits; a child process calls it over
 * kept connections. With `--webhooks` a third process takes the statuses.
 */
import { fork } from 'node:child_process'
import http from 'node:http'
import net from 'node:net'

const [role = 'simulator'] = process.argv.slice(2).filter((word) => ['load', 'receiver'].includes(word))
const [sends = 50_000, connections = 32] = process.argv.slice(2).map(Number).filter(Number.isInteger)
const identity = {
  phoneNumberId: '106540352242922',
  accessToken: 'bench-token',
  appId: '138483919580948',
  appSecret: 'bench-secret',
  businessId: '102290129340398',
}

if (role === 'load') process.once('message', ({ url }) => void load(new URL(url)))
else if (role === 'receiver') receive()
else await measure()

async function measure() {
  const { createSimulator } = await import('../dist/index.js')
  const receiver = process.argv.includes('--webhooks') ? start('receiver') : undefined
  const webhookUrl = receiver && (await nextMessage(receiver)).url
  const none = { min: 0, max: 0 }
  const simulator = await createSimulator({
    ...identity,
    webhookUrl,
    webhookBatchSize: 1000,
    pairLimit: false,
    throughputPerSecond: 0,
    timing: { answer: none, sent: none, delivered: none, read: none },
  })
  const child = start('load', String(sends), String(connections))
  const before = process.cpuUsage()
  child.send({ url: simulator.graphUrl })
  const { seconds, refused } = await nextMessage(child)
  const { user, system } = process.cpuUsage(before)
  const cpuSeconds = (user + system) / 1e6
  print(
    `${sends} sends over ${connections} connections, ${refused} refused, webhooks ${webhookUrl ? 'on' : 'off'}`,
  )
  print(`${Math.round(sends / seconds)} sends/s`)
  print(
    `simulator process: ${cpuSeconds.toFixed(1)} s of CPU in ${seconds.toFixed(1)} s, ${((cpuSeconds / sends) * 1e6).toFixed(0)} µs a send`,
  )
  print(`webhooks: ${JSON.stringify(simulator.state().webhook)}`)
  receiver?.disconnect()
  await simulator.close()
}

function start(...args) {
  return fork(new URL(import.meta.url), args, { stdio: 'inherit' })
}

function nextMessage(child) {
  return new Promise((resolve, reject) => {
    child.once('message', resolve)
    child.once('exit', (code) => reject(new Error(`the child process ended with ${code}`)))
  })
}

/** Takes webhooks and forgets them. */
function receive() {
  const server = http.createServer((request, response) => {
    request.resume()
    request.on('end', () => response.writeHead(200).end())
  })
  server.listen(0, '127.0.0.1', () =>
    process.send({ url: `http://127.0.0.1:${server.address().port}/webhooks` }),
  )
  process.once('disconnect', () => process.exit())
}

/** One call after the other on each connection; the bytes are written by hand, so that the load costs little. */
async function load({ hostname, port }) {
  let started = 0
  let refused = 0
  const startedAt = performance.now()
  await Promise.all(Array.from({ length: connections }, () => connection()))
  process.send({ seconds: (performance.now() - startedAt) / 1000, refused }, () => process.exit())

  function connection() {
    return new Promise((resolve, reject) => {
      const socket = net.connect(Number(port), hostname, next)
      let answer = ''
      socket.setNoDelay()
      socket.on('error', reject)
      socket.on('data', (chunk) => {
        answer += chunk.toString('latin1')
        const end = answer.indexOf('\r\n\r\n')
        if (end < 0) return
        const length = Number(/content-length: (\d+)/i.exec(answer)?.[1])
        if (answer.length < end + 4 + length) return
        if (!answer.startsWith('HTTP/1.1 200')) refused += 1
        answer = ''
        next()
      })

      function next() {
        if (started >= sends) {
          socket.end()
          return resolve()
        }
        started += 1
        socket.write(request(started))
      }
    })
  }
}

function request(number) {
  const code = String(100_000 + (number % 900_000))
  const text = [{ type: 'text', text: code }]
  const body = JSON.stringify({
    messaging_product: 'whatsapp',
    recipient_type: 'individual',
    to: `+22177${String(5_000_000 + (number % 100_000) * 10 + 5)}`,
    type: 'template',
    biz_opaque_callback_data: `msg_${number}`,
    template: {
      name: 'otp_login',
      language: { code: 'fr' },
      components: [
        { type: 'body', parameters: text },
        { type: 'button', sub_type: 'url', index: '0', parameters: text },
      ],
    },
  })
  return (
    `POST /v26.0/${identity.phoneNumberId}/messages HTTP/1.1\r\nhost: 127.0.0.1\r\n` +
    `authorization: Bearer ${identity.accessToken}\r\ncontent-type: application/json\r\n` +
    `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  )
}

function print(line) {
  process.stdout.write(`${line}\n`)
}
