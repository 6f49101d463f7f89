/** How fast messages are taken in. Nobody works on them meanwhile. */
import { measureRounds } from '../rounds.mjs'

const CONNECTIONS = { usual: [1, 50, 200], short: [50] }
const BATCHES = { usual: [100, 1000], short: [1000] }
const BATCHES_AT_ONCE = 4
const BATCHED = { usual: 16_000, short: 8000 }
const FOR_A_WHILE = { seconds: 0.8, warmUpSeconds: 0.3 }

/** So many indexes are certainly not used up in a round. */
const INDEXES = 200_000

export const acceptance = {
  about:
    'POST /api/messages, and batches, against a Fastify route that checks nothing and calls queue.add or addBulk. "To single" compares batches with messages one by one.',

  async run(bench) {
    const systems = { relais: await bench.startRelais(), bare: await bench.startBare() }
    const plans = [
      ...bench.pick(CONNECTIONS).map((count) => [connectionsName(count), single(count)]),
      ...bench.pick(BATCHES).map((size) => [`batches of ${size}`, batchesOf(size, bench.pick(BATCHED))]),
    ]
    for (const system of Object.values(systems)) await once(bench, system, single(50))
    const measured = []
    for (const [name, plan] of plans) {
      const measure = (system, posted) => async () => once(bench, system, posted)
      const sides = Object.fromEntries(
        Object.entries(systems).map(([side, system]) => [side, measure(system, plan)]),
      )
      if (plan.size) sides['single bare'] = measure(systems.bare, single(50))
      measured.push(await measureRounds(name, bench.how, sides))
    }
    await Promise.all(Object.values(systems).map((system) => system.stop()))
    return measured
  },
}

export const single = (connections) => ({
  path: '/api/messages',
  make: 'message',
  connections,
  ...FOR_A_WHILE,
})

/** So many messages rather than for a while: of few large batches too many or too few would end within it. */
export const batchesOf = (size, messages) => ({
  path: '/api/messages/batch',
  make: 'batch',
  size,
  connections: BATCHES_AT_ONCE,
  count: messages / size,
})

function connectionsName(count) {
  return count === 1 ? '1 connection' : `${count} connections`
}

async function once(bench, system, plan) {
  const { port, headers } = system
  const from = bench.takeIndexes(INDEXES)
  const { perSecond, p50, p99, refused } = await bench.load({ ...plan, port, headers, from })
  await system.forgetAll()
  return { 'messages/s': perSecond, 'p50 ms': p50, 'p99 ms': p99, refused }
}
