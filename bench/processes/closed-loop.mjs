/** Load that waits for its answers. */
import { setTimeout as sleep } from 'node:timers/promises'
import { createBrake } from './brake.mjs'
import { nowMs } from './now.mjs'
import { createTally, latencies } from './tallies.mjs'

/** After a 503. */
const AGAIN_MS = 250

/**
 * Each lane posts the next request when it has an answer, for `seconds` after the warm-up, or `count` requests in all. With `mostAhead` and the
 * `metaPort` no more messages than that are on their way to Meta.
 * @returns { requests, statuses, refused, perSecond, p50, p99, p999, most, beganAt }: messages or updates, milliseconds
 */
export async function closedLoop(plan, lanes, make) {
  const { seconds, warmUpSeconds = 0, count = Infinity, size = 1 } = plan
  const brake = createBrake(plan)
  const tally = createTally()
  const taken = []
  const beganAt = nowMs()
  const warmAt = beganAt + warmUpSeconds * 1000
  const endsAt = seconds ? warmAt + seconds * 1000 : Infinity
  let requests = 0
  let lastAt = beganAt
  const work = async (lane) => {
    while (nowMs() < endsAt && requests < count) {
      const bytes = make(requests)
      requests += 1
      await brake.pass()
      const askedAt = nowMs()
      const status = await (count < Infinity ? insist(lane, bytes) : lane.post(bytes))
      const at = nowMs()
      tally.add(status)
      if (status >= 300 || at < warmAt || at >= endsAt) continue
      taken.push(at - askedAt)
      lastAt = at
    }
  }
  await Promise.all(lanes.map(work)).finally(brake.release)
  return {
    requests,
    statuses: tally.statuses,
    refused: tally.refused(),
    perSecond: (taken.length * size) / (seconds ?? (lastAt - beganAt) / 1000),
    beganAt,
    ...latencies(taken),
  }
}

/** All of a count has to get in, as a client would see to it. */
async function insist(lane, bytes) {
  for (;;) {
    const status = await lane.post(bytes)
    if (status !== 503) return status
    await sleep(AGAIN_MS)
  }
}
