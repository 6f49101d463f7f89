/** What a message costs on its way, and what it costs that there is nothing to do. What it takes in memory: memory.mjs. */
import { setTimeout as sleep } from 'node:timers/promises'
import { cpuSeconds } from '../machine.mjs'
import { countCommands } from '../redis-commands.mjs'
import { measureRounds } from '../rounds.mjs'
import { atRate } from './latency.mjs'
import { memory } from './memory.mjs'
import { processorUs } from './processor-us.mjs'
import { settled } from './settled.mjs'

/** Messages a second, and for how many seconds. */
const SENT = { usual: [[100, 1.2]] }
const DELIVERED = {
  usual: [
    [100, 1.2],
    [500, 0.8],
  ],
  short: [[100, 1.2]],
}
const IDLE_SECONDS = { usual: 3, short: 2 }

/** What is rarer than this by the message is of the quiet system. */
const LEAST_SHOWN = 0.05

/** What follows in the processes when all is settled. */
const REST_MS = 300

export const cost = {
  about:
    'By the message, from its acceptance until it is sent (no receipts; bare: until its job is done) and until it is delivered (Meta tells of both statuses, of many in one webhook; bare writes each into a hash). Commands are round trips: what scripts call is not counted. Memory is the slope from N to 2 N that wait, and from 2 N to 3 N that are done; bare keeps its jobs.',

  async run(bench) {
    const measured = []
    for (const receipts of [false, true]) {
      const systems = {
        relais: await bench.startRelais({ workers: 1, receipts }),
        bare: await bench.startBare({ workers: 1, receipts }),
      }
      for (const system of Object.values(systems)) await post(bench, system, { perSecond: 400, seconds: 1 })
      for (const [perSecond, seconds] of bench.pick(receipts ? DELIVERED : SENT))
        measured.push(await messages(bench, systems, { perSecond, seconds }))
      if (!receipts) measured.push(await idle(bench, systems))
      await Promise.all(Object.values(systems).map((system) => system.stop()))
    }
    return [...measured, await memory(bench)]
  },
}

/** Twice in each round: the slow log, which counts commands, takes time of Redis. */
async function messages(bench, systems, plan) {
  const commands = {}
  const measure = (side) => async () => {
    const system = systems[side]
    const costs = await account(bench, system, plan)
    let count
    const counts = await countCommands(system, async () => {
      count = await post(bench, system, plan)
    })
    commands[side] = each(counts, count)
    return { 'Redis commands': sumOf(counts, 'times') / count, ...costs }
  }
  const end = systems.relais.receipts ? 'delivered' : 'sent'
  const sides = { relais: measure('relais'), bare: measure('bare') }
  return { ...(await measureRounds(`${end}, at ${plan.perSecond}/s`, bench.how, sides)), commands }
}

/** Posts at a rate and waits until all is settled. Answers how many were accepted. */
async function post(bench, system, plan) {
  await bench.tellMeta({ keeps: true, receipts: system.receipts })
  // The load would make Meta begin anew, without receipts: so it is not told of Meta.
  const { requests, refused } = await atRate(bench, system, { ...plan, metaPort: undefined })
  const accepted = requests - refused
  await settled(bench, system, accepted)
  await sleep(REST_MS)
  return accepted
}

async function account(bench, system, plan) {
  const before = await counters(bench, system)
  const count = await post(bench, system, plan)
  const after = await counters(bench, system)
  const costs = Object.entries(after).map(([name, value]) => [name, (value - before[name]) / count])
  return Object.fromEntries(costs)
}

async function counters(bench, system) {
  const info = await bench.redis.info('stats')
  const of = (pattern) => Number(pattern.exec(info)?.[1] ?? 0)
  return {
    'Redis bytes in': of(/total_net_input_bytes:(\d+)/),
    'Redis bytes out': of(/total_net_output_bytes:(\d+)/),
    ...(await processorUs(bench, system)),
  }
}

async function idle(bench, systems) {
  const seconds = bench.pick(IDLE_SECONDS)
  const commands = {}
  const measure = (side) => async () => {
    const pids = Object.values(systems[side].pids()).flat()
    const before = cpuSeconds(pids)
    const counts = await countCommands(systems[side], () => sleep(seconds * 1000))
    const used = cpuSeconds(pids) - before
    commands[side] = each(counts, seconds, 0)
    return { '% of a core': (used / seconds) * 100, 'Redis commands/s': sumOf(counts, 'times') / seconds }
  }
  const sides = { relais: measure('relais'), bare: measure('bare') }
  return { ...(await measureRounds('idle', bench.how, sides)), commands }
}

/** Commands by the message, or by the second; the most frequent first. */
function each(counts, by, least = LEAST_SHOWN) {
  const shares = Object.entries(counts).map(([name, { times, us }]) => [
    name,
    { times: times / by, us: us / by },
  ])
  return Object.fromEntries(
    shares.filter(([, { times }]) => times >= least).sort(([, a], [, b]) => b.times - a.times),
  )
}

function sumOf(counts, what) {
  return Object.values(counts).reduce((sum, count) => sum + count[what], 0)
}
