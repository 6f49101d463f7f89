/** How fast signed webhooks are taken, and what they say is applied. */
import { setTimeout as sleep } from 'node:timers/promises'
import { measureRounds } from '../rounds.mjs'
import { cpuSeconds } from '../machine.mjs'
import { nowMs } from '../processes/now.mjs'
import { fill } from './drain.mjs'

/** Updates of one webhook, and updates in all. */
const SIZES = {
  usual: [
    [1, 1000],
    [100, 5000],
    [1000, 5000],
  ],
  short: [[100, 3000]],
}

/** Each moves a message on; then there are new messages. */
const STATUSES = ['delivered', 'read']

const WEBHOOKS_AT_ONCE = 4
const FILLED_AT_ONCE = 1000

/** What follows a last status in the processes. */
const REST_MS = 300

export const receipts = {
  about:
    'Signed webhooks, until all they say is in Redis; against a route that checks the signature and writes each status into a hash. The processor time is that of API and worker, and what one core of it would apply.',

  async run(bench) {
    const sizes = bench.pick(SIZES)
    const systems = {
      relais: await bench.startRelais({ workers: 1, receipts: true }),
      bare: await bench.startBare({ workers: 1, receipts: true }),
    }
    const perSize = Math.ceil(bench.how.rounds / STATUSES.length)
    const needed = sizes.reduce((sum, [, updates]) => sum + updates * perSize, 0)
    const sent = {}
    for (const [side, system] of Object.entries(systems)) sent[side] = await send(bench, system, needed)
    const measured = []
    for (const [size, updates] of sizes) {
      const current = {}
      const measure = (side) => async (round) => {
        const status = STATUSES[round % STATUSES.length]
        if (round % STATUSES.length === 0) current[side] = sent[side].splice(0, updates)
        return apply(bench, systems[side], { size, ids: current[side], status })
      }
      const sides = { relais: measure('relais'), bare: measure('bare') }
      measured.push(await measureRounds(`webhooks of ${size}`, bench.how, sides))
    }
    await Promise.all(Object.values(systems).map((system) => system.stop()))
    return measured
  },
}

/** Sends new messages. Answers their ids: Meta's, and their own. */
async function send(bench, system, needed) {
  await bench.tellMeta({ keeps: true })
  const count = Math.ceil(needed / FILLED_AT_ONCE) * FILLED_AT_ONCE
  await fill(bench, system, count)
  await bench.haveCome(count)
  await sleep(REST_MS)
  return bench.askMeta('ids')
}

async function apply(bench, system, { size, ids, status }) {
  const pids = Object.values(system.pids()).flat()
  const cpuBefore = cpuSeconds(pids)
  const loaded = bench.load({
    ...system.receipts,
    make: 'webhook',
    connections: WEBHOOKS_AT_ONCE,
    size,
    ids,
    status,
    count: Math.ceil(ids.length / size),
  })
  await system.allAre(
    ids.map(({ own }) => own),
    status,
  )
  const endedAt = nowMs()
  const { p50, p99, beganAt } = await loaded
  await sleep(REST_MS)
  const cpuUs = ((cpuSeconds(pids) - cpuBefore) * 1e6) / ids.length
  return {
    'updates/s': (ids.length * 1000) / (endedAt - beganAt),
    'answer p50 ms': p50,
    'answer p99 ms': p99,
    'CPU us/update': cpuUs,
    'updates/s of a core': 1e6 / cpuUs,
  }
}
