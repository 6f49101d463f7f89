/** How long it takes from the request of an app until Meta has the message. */
import { measureRounds } from '../rounds.mjs'

/** Messages a second, and for how many seconds. */
const RATES = {
  usual: [
    [80, 3],
    [500, 1.5],
    [1000, 1.5],
  ],
  short: [
    [80, 2],
    [500, 1],
  ],
}
const WARM_UP_SECONDS = 0.4
const CONNECTIONS = 100

export const latency = {
  about:
    'From the request of an app until Meta has the message, all processes on, against Fastify, queue.add and a bare BullMQ worker with axios. "Left" is what is not at Meta 100 ms after the last request.',

  async run(bench) {
    const systems = {
      relais: await bench.startRelais({ workers: 1 }),
      bare: await bench.startBare({ workers: 1 }),
    }
    await warmUp(bench, systems)
    const measured = []
    for (const [perSecond, seconds] of bench.pick(RATES)) {
      const measure = (system) => async () => figuresOf(await atRate(bench, system, { perSecond, seconds }))
      const sides = Object.entries(systems).map(([side, system]) => [side, measure(system)])
      measured.push(await measureRounds(`${perSecond}/s`, bench.how, Object.fromEntries(sides)))
    }
    await Promise.all(Object.values(systems).map((system) => system.stop()))
    return measured
  },
}

/** Code that has not run yet is slow. */
export async function warmUp(bench, systems) {
  for (const system of Object.values(systems)) await atRate(bench, system, { perSecond: 500, seconds: 2 })
}

/** Posts at a rate; `seconds` are counted after the warm-up. Answers what the load tells (processes/open-loop.mjs), when all is at Meta. */
export function atRate(bench, { port, headers }, { perSecond, seconds, ...more }) {
  const warmUpSeconds = WARM_UP_SECONDS
  const from = bench.takeIndexes(Math.ceil(perSecond * (warmUpSeconds + seconds)))
  const where = { port, headers, path: '/api/messages', make: 'message', from, metaPort: bench.metaPort }
  return bench.load({ ...where, connections: CONNECTIONS, perSecond, seconds, warmUpSeconds, ...more })
}

export function figuresOf({ p50, p99, p999, left, refused, missing, answer }) {
  return {
    'p50 ms': p50,
    'p99 ms': p99,
    'p99.9 ms': p999,
    'answer p50 ms': answer.p50,
    left,
    'refused or missing': refused + missing,
  }
}
