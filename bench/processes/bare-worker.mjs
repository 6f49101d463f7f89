/**
 * The twin of the worker: takes a job, posts to Meta the same bytes as the product does, and is done.
 * Environment: REDIS_URL, META_URL, CLIENT (`axios` or `request`), CONCURRENCY.
 */
import http from 'node:http'
import axios from 'axios'
import { Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { Agent, request } from 'undici'

const { REDIS_URL, META_URL, CLIENT, CONCURRENCY } = process.env
const concurrency = Number(CONCURRENCY)
const headers = { 'content-type': 'application/json', authorization: `Bearer EAA${'a'.repeat(48)}` }
const post = { axios: withAxios, request: withRequest }[CLIENT]()
const connection = new Redis(REDIS_URL, { maxRetriesPerRequest: null })

const deliver = async ({ id, data }) => void (await post(sendBody(id, data)))
const worker = new Worker('messages', deliver, { connection, concurrency })
await worker.waitUntilReady()
process.stdout.write('ready\n')

function withAxios() {
  const httpAgent = new http.Agent({ keepAlive: true, maxSockets: concurrency + 2 })
  const client = axios.create({ httpAgent, timeout: 5000, headers })
  return async (body) => (await client.post(META_URL, body)).data.messages[0].id
}

function withRequest() {
  const dispatcher = new Agent({ connections: concurrency + 2 })
  return async (body) => {
    const answer = await request(META_URL, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
      dispatcher,
    })
    if (answer.statusCode !== 200) throw new Error(`Meta answered ${answer.statusCode}`)
    return (await answer.body.json()).messages[0].id
  }
}

function sendBody(id, { to, code }) {
  const parameters = [{ type: 'text', text: code }]
  return {
    messaging_product: 'whatsapp',
    recipient_type: 'individual',
    to,
    biz_opaque_callback_data: id,
    type: 'template',
    template: {
      name: 'otp_login',
      language: { code: 'fr' },
      components: [
        { type: 'body', parameters },
        { type: 'button', sub_type: 'url', index: '0', parameters },
      ],
    },
  }
}
