/**
 * Makes load and measures: answers each plan that is posted to it with what came of it, one at a time. Two ways: `connections` lanes, each with the
 * next request when the last is answered (for `seconds`, or `count` requests), or `perSecond` requests, whatever becomes of them.
 *
 * Environment: PORT. A plan is JSON:
 *   port, path, headers      where the requests go
 *   make                     'message', 'batch' of `size` messages, or 'webhook' of `size` updates, `status` for each of `ids`
 *   from                     the index of the first message
 *   connections, seconds, warmUpSeconds, count, perSecond
 *   metaPort                 with `perSecond`: latencies are those from the request until Meta has the message
 *   mostAhead                with `connections` and the `metaPort`: so many messages may be on their way to Meta
 *   windowSeconds            with `perSecond`: the latencies of each so long part too
 *   renewal                  with `perSecond`: { afterSeconds, port, path, headers }, one more request at that time
 */
import http from 'node:http'
import { closedLoop } from './closed-loop.mjs'
import { openLanes } from './http-lanes.mjs'
import { openLoop } from './open-loop.mjs'
import { createMaker } from './requests.mjs'

const server = http.createServer((request, response) => {
  const chunks = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', () => void answer(JSON.parse(Buffer.concat(chunks)), response))
})
// Or it might close a connection at the very moment at which it is used again.
server.keepAliveTimeout = 600_000
server.listen(Number(process.env.PORT), '127.0.0.1', () => process.stdout.write('ready\n'))

async function answer(plan, response) {
  const { status, result } = await run(plan).then(
    (done) => ({ status: 200, result: done }),
    (error) => ({ status: 500, result: { error: error.message } }),
  )
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(result))
}

async function run(plan) {
  const lanes = await openLanes(plan.port, plan.connections)
  const result = await (plan.perSecond ? openLoop : closedLoop)(plan, lanes, createMaker(plan))
  for (const lane of lanes) lane.close()
  return result
}
