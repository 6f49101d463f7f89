/**
 * What messages take in Redis, as the slope between two numbers of them: what there is once, and jobs of which the last thousand are kept, is not
 * charged to each. By the same slope it is told which keys it is.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { measureRounds } from '../rounds.mjs'
import { kindOfKey } from '../redis-commands.mjs'
import { fill } from './drain.mjs'
import { settled } from './settled.mjs'

/** So many wait, and then so many more; all of these are finished, and then so many more. */
const MESSAGES = { usual: 10_000, short: 5000 }

/** What Redis and the processes tidy up after the last message. */
const REST_MS = 1000

/** What is gone so long after a message is done is not counted: at first, and for most of its day. */
const AT_FIRST_MS = 60_000
const LATER_MS = 2 * 3600 * 1000

const AT_ONCE = 1000
const LEAST_SHOWN = 0.5

/** One round: nothing of it is by chance. */
export async function memory(bench) {
  const keys = {}
  const measure = (side, start) => async () => {
    const system = await start()
    const { figures, kinds } = await slopes(bench, system)
    keys[side] = kinds
    await system.stop()
    return figures
  }
  const sides = {
    relais: measure('relais', () => bench.startRelais({ receipts: true })),
    bare: measure('bare', () => bench.startBare({ keepsJobs: true })),
  }
  return { ...(await measureRounds('memory', { ...bench.how, rounds: 1 }, sides)), keys }
}

async function slopes(bench, system) {
  const count = bench.pick(MESSAGES)
  await fill(bench, system, count)
  const few = await look(bench, system)
  await fill(bench, system, count)
  const many = await look(bench, system)
  await work(bench, system, 2 * count)
  await forget(system.redis, LATER_MS)
  const done = await look(bench, system)
  await fill(bench, system, count)
  await work(bench, system, count)
  await forget(system.redis, AT_FIRST_MS)
  const more = await look(bench, system)
  await forget(system.redis, LATER_MS)
  const later = await look(bench, system)
  const stages = {
    waiting: between(few, many, count),
    finished: between(done, more, count),
    'finished, two hours later': between(done, later, count),
  }
  const by = (what) =>
    Object.fromEntries(Object.entries(stages).map(([stage, told]) => [`bytes, ${stage}`, told[what]]))
  return { figures: by('bytes'), kinds: by('kinds') }
}

/** Sends what waits, until the last is delivered, where there are receipts. */
async function work(bench, system, count) {
  await bench.tellMeta({ keeps: true, receipts: system.receipts })
  await system.startWorkers(1)
  await settled(bench, system, count)
  await sleep(REST_MS)
  await system.stopWorkers()
}

/** Bytes in use, without what is on its way to clients and to the disk, and bytes by kind of key. */
async function look({ redis: shared }, { redis }) {
  await sleep(REST_MS)
  const kinds = {}
  for await (const keys of redis.scanStream({ count: AT_ONCE })) {
    const sizes = await redis.pipeline(keys.map((key) => ['memory', 'usage', key, 'samples', 0])).exec()
    for (const [i, [, bytes]] of sizes.entries())
      kinds[kindOfKey(keys[i])] = (kinds[kindOfKey(keys[i])] ?? 0) + (bytes ?? 0)
  }
  // After the keys: what has expired is gone when it is looked at.
  const info = await shared.info('memory')
  const of = (name) => Number(new RegExp(`${name}:(\\d+)`).exec(info)?.[1])
  const used = of('used_memory') - of('mem_clients_normal') - of('mem_aof_buffer')
  return { used, kinds }
}

function between(before, after, count) {
  const bytes = (after.used - before.used) / count
  const names = [...new Set([...Object.keys(before.kinds), ...Object.keys(after.kinds)])]
  const kinds = names
    .map((name) => [name, ((after.kinds[name] ?? 0) - (before.kinds[name] ?? 0)) / count])
    .filter(([, each]) => Math.abs(each) >= LEAST_SHOWN)
    .sort(([, a], [, b]) => b - a)
  const rest = kinds.reduce((sum, [, each]) => sum - each, bytes)
  return { bytes, kinds: Object.fromEntries([...kinds, ['(tables of keys and expiries)', rest]]) }
}

/** As if so much time had passed. */
async function forget(redis, passedMs) {
  for await (const keys of redis.scanStream({ count: AT_ONCE })) {
    const left = await redis.pipeline(keys.map((key) => ['pttl', key])).exec()
    const soon = keys.filter((_, i) => left[i][1] > 0 && left[i][1] < passedMs)
    if (soon.length > 0) await redis.del(...soon)
  }
}
