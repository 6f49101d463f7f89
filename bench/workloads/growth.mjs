/** What a backlog and more workers do. */
import { measureRounds } from '../rounds.mjs'
import { single } from './acceptance.mjs'
import { drainOnce, fill } from './drain.mjs'
import { atRate, figuresOf } from './latency.mjs'

/** The first is compared with the others; 0 is an empty queue. */
const BACKLOGS = {
  usual: [100_000, 10_000, 0],
  short: [10_000, 0],
  long: [1_000_000, 100_000, 10_000, 0],
}
const WORKERS = { usual: [4, 2, 1], short: [2, 1] }
const MESSAGES = { usual: 3000, short: 2000 }
const CONNECTIONS = 50
const FILL_AT_ONCE = 50_000

/** The pace at which the backlog goes out while codes of another app come in, and how many of those, a second. */
const PACE = 400
const CODES_PER_SECOND = 80
const CODES_SECONDS = 2

export const growth = {
  about:
    'Acceptance and drain behind a backlog, against a small one and an empty queue; how long codes of an app take to Meta while the backlog of another goes out at 400/s; and the drain of several workers against one.',

  async run(bench) {
    return [await backlogs(bench), await codes(bench), await crews(bench)]
  },
}

async function backlogs(bench) {
  const messages = bench.pick(MESSAGES)
  const sizes = bench.pick(BACKLOGS)
  const systems = []
  const sides = {}
  for (const backlog of sizes) {
    const system = await bench.startRelais()
    systems.push(system)
    await fillAll(bench, system, backlog)
    sides[sideOf(backlog)] = () => behind(bench, system, { messages, backlog })
  }
  const measured = await measureRounds('behind a backlog', bench.how, sides)
  await Promise.all(systems.map((system) => system.stop()))
  return measured
}

async function behind(bench, system, { messages, backlog }) {
  const { port, headers } = system
  const from = bench.takeIndexes(100_000)
  const { perSecond } = await bench.load({ ...single(CONNECTIONS), port, headers, from })
  if (backlog === 0) {
    await system.forgetAll()
    await fill(bench, system, messages)
  }
  const { 'messages/s': drained } = await drainOnce(bench, system, { messages })
  if (backlog === 0) await system.forgetAll()
  return { 'accepted/s': perSecond, 'drained/s': drained }
}

async function codes(bench) {
  const [most] = bench.pick(BACKLOGS)
  const systems = []
  const sides = {}
  for (const backlog of [most, 0]) {
    const system = await bench.startRelais({ env: { SEND_RATE_PER_SECOND: String(PACE) } })
    systems.push(system)
    await fillAll(bench, system, backlog, { headers: system.otherHeaders })
    sides[sideOf(backlog)] = () => amongOthers(bench, system)
  }
  const measured = await measureRounds('codes of another app', bench.how, sides)
  await Promise.all(systems.map((system) => system.stop()))
  return measured
}

/** The worker works for this only, so that the backlog lasts. */
async function amongOthers(bench, system) {
  await system.startWorkers(1)
  await atRate(bench, system, { perSecond: CODES_PER_SECOND, seconds: 0.4 })
  const told = await atRate(bench, system, { perSecond: CODES_PER_SECOND, seconds: CODES_SECONDS })
  await system.stopWorkers()
  const { 'p50 ms': p50, 'p99 ms': p99, 'refused or missing': missing } = figuresOf(told)
  return { 'p50 ms': p50, 'p99 ms': p99, 'refused or missing': missing }
}

async function crews(bench) {
  const messages = bench.pick(MESSAGES)
  const system = await bench.startRelais()
  const measure = (workers) => async () => {
    await fill(bench, system, messages)
    const figures = await drainOnce(bench, system, { messages, workers })
    await system.forgetAll()
    return figures
  }
  const sides = Object.fromEntries(bench.pick(WORKERS).map((count) => [`workers: ${count}`, measure(count)]))
  const measured = await measureRounds('several workers', bench.how, sides)
  await system.stop()
  return measured
}

function sideOf(backlog) {
  return backlog === 0 ? 'empty' : `${backlog / 1000}k waiting`
}

async function fillAll(bench, system, backlog, more) {
  for (let there = 0; there < backlog; there += FILL_AT_ONCE)
    await fill(bench, system, Math.min(FILL_AT_ONCE, backlog - there), more)
}
