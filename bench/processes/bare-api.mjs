/**
 * The twin of the API: a route that looks at nothing and adds a job, one that adds many, and one that checks the signature of a webhook and
 * writes each status into a hash. Environment: PORT, REDIS_URL, APP_SECRET, KEEPS_JOBS ('1': those that are done stay).
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { Queue } from 'bullmq'
import Fastify from 'fastify'
import { Redis } from 'ioredis'
import { signature } from './webhooks.mjs'

const { PORT, REDIS_URL, APP_SECRET, KEEPS_JOBS } = process.env
const connection = new Redis(REDIS_URL, { maxRetriesPerRequest: null })
const messages = new Queue('messages', { connection })
const options = {
  attempts: 3,
  backoff: { type: 'exponential', delay: 1000 },
  removeOnComplete: KEEPS_JOBS !== '1',
  removeOnFail: { age: 86_400 },
}

const app = Fastify()

app.post('/api/messages', async ({ body }, reply) => {
  const id = newId()
  await messages.add('deliver', body, { ...options, jobId: id })
  return reply.code(202).send({ id, status: 'queued' })
})

app.post('/api/messages/batch', { bodyLimit: 8 << 20 }, async ({ body }, reply) => {
  const jobs = body.messages.map((data) => ({ name: 'deliver', data, opts: { ...options, jobId: newId() } }))
  await messages.addBulk(jobs)
  return reply.code(202).send({ accepted: jobs.length, ids: jobs.map(({ opts }) => opts.jobId) })
})

await app.register(async (scope) => {
  scope.removeContentTypeParser('application/json')
  scope.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer', bodyLimit: 3 << 20 },
    (_request, body, done) => done(null, body),
  )
  scope.post('/api/webhooks/whatsapp', async ({ headers, body }, reply) => {
    const claimed = Buffer.from(headers['x-hub-signature-256'] ?? '')
    const right = Buffer.from(signature(APP_SECRET, body))
    if (claimed.length !== right.length || !timingSafeEqual(claimed, right)) return reply.code(401).send({})
    await note(JSON.parse(body))
    return {}
  })
})

await app.listen({ port: Number(PORT), host: '127.0.0.1' })
process.stdout.write('ready\n')

function note({ entry }) {
  const pipeline = connection.pipeline()
  for (const { value } of entry.flatMap(({ changes }) => changes))
    for (const { biz_opaque_callback_data: id, status } of value.statuses)
      pipeline.hset(`message:${id}`, 'status', status)
  return pipeline.exec()
}

function newId() {
  return `msg_${randomBytes(16).toString('base64url')}`
}
