/** How fast a backlog goes out, without a pace, to a Meta that answers at once. */
import { measureRounds } from '../rounds.mjs'
import { batchesOf } from './acceptance.mjs'

const MESSAGES = { usual: 10_000, short: 3000, long: 20_000 }
const BATCH = 1000

/** A worker is new in each round: its first messages are not counted, and its last ones wait for nobody. */
const COUNTED = { from: 0.25, to: 0.99 }

export const drain = {
  about:
    'A backlog goes through one worker: against a bare BullMQ worker that posts the same bytes with axios and keep-alive, and with `request` of undici.',

  async run(bench) {
    const messages = bench.pick(MESSAGES)
    const systems = {
      relais: await bench.startRelais(),
      bare: await bench.startBare(),
      request: await bench.startBare({ client: 'request' }),
    }
    const measure = (system) => async () => {
      await fill(bench, system, messages)
      const figures = await drainOnce(bench, system, { messages })
      await system.forgetAll()
      return figures
    }
    const sides = Object.entries(systems).map(([side, system]) => [side, measure(system)])
    const measured = await measureRounds('backlog', bench.how, Object.fromEntries(sides))
    await Promise.all(Object.values(systems).map((system) => system.stop()))
    return [measured]
  },
}

/** Posts messages in batches, as an app would. */
export async function fill(bench, { port, headers }, messages, more = {}) {
  const from = bench.takeIndexes(messages)
  await bench.load({ ...batchesOf(BATCH, messages), port, headers, from, ...more })
}

/** Starts workers on a backlog of so many messages or more, and measures what comes to Meta. */
export async function drainOnce(bench, system, { messages, workers = 1 }) {
  await bench.tellMeta({ times: true })
  await system.startWorkers(workers)
  await bench.haveCome(messages)
  await system.stopWorkers()
  const times = await bench.askMeta('times')
  const [first, last] = [COUNTED.from, COUNTED.to].map((part) => Math.floor(part * messages))
  return { 'messages/s': ((last - first) * 1000) / (times[last] - times[first]) }
}
