/** Load at a rate: a request is made when its time has come, whatever became of those before. */
import { setTimeout as sleep } from 'node:timers/promises'
import { openLanes, postBytes } from './http-lanes.mjs'
import { nowMs } from './now.mjs'
import { createTally, latencies } from './tallies.mjs'

const TICK_MS = 1
const LOOKS_EVERY_MS = 100

/** What has not come to Meta so long after the last request was left behind. */
const LEFT_AFTER_MS = 100

/** So long messages may be on their way to Meta; then they are missing. */
const COME_WITHIN_MS = 60_000

/**
 * Posts at `perSecond`. A latency is that of a message from the moment of its request until Meta has it, without the messages of the warm-up.
 * @returns { requests, statuses, refused, lateMs, answer, p50, p99, p999, most, left, missing, windows, renewal }: milliseconds; `lateMs`
 *   is how late the load itself was in the end, `answer` has the latencies of answers, `left` is what was not at Meta 100 ms after the last
 *   request; without a `metaPort` nothing of what came to Meta
 */
export async function openLoop(plan, lanes, make) {
  const { perSecond, seconds, warmUpSeconds = 0, metaPort, windowSeconds, renewal } = plan
  const count = Math.round(perSecond * (warmUpSeconds + seconds))
  const first = Math.round(perSecond * warmUpSeconds)
  if (metaPort) await tellMeta(plan, count)
  const poster = createPoster(lanes, make, count)
  const renewed = renewal && renewAfter(renewal, warmUpSeconds)
  const lateMs = await postAll(poster, count, perSecond)
  const lastAt = nowMs()
  await eventually(() => poster.isDone())
  const { statuses, refused, answered, sentAt } = poster.tell()
  const told = { requests: count, statuses, refused, lateMs, answer: latencies(answered) }
  if (!metaPort) return told

  const came = await arrivals(metaPort, count - refused)
  const sends = Array.from({ length: count - first }, (_, i) => ({
    sent: sentAt[first + i],
    came: came[first + i],
  }))
  const seen = sends.filter((each) => each.came > 0)
  return {
    ...told,
    ...latenciesOf(seen),
    left: came.filter((at) => at === 0 || at > lastAt + LEFT_AFTER_MS).length - refused,
    missing: sends.length - seen.length,
    ...(windowSeconds && { windows: windowsOf(seen, windowSeconds) }),
    ...(renewal && { renewal: aroundRenewal(seen, await renewed) }),
  }
}

/** Gives requests to lanes that are free; those without one wait. */
function createPoster(lanes, make, count) {
  const free = [...lanes]
  const waiting = []
  const tally = createTally()
  const answered = []
  const sentAt = new Float64Array(count)

  async function post(lane, place) {
    tally.add(await lane.post(make(place)))
    answered.push(nowMs() - sentAt[place])
    if (waiting.length > 0) void post(lane, waiting.shift())
    else free.push(lane)
  }

  return {
    post(place) {
      sentAt[place] = nowMs()
      const lane = free.pop()
      if (lane) void post(lane, place)
      else waiting.push(place)
    },
    isDone: () => answered.length === count,
    tell: () => ({ statuses: tally.statuses, refused: tally.refused(), answered, sentAt }),
  }
}

/** Answers how late it was in the end, in milliseconds. */
async function postAll(poster, count, perSecond) {
  const beganAt = nowMs()
  const dueAt = (place) => beganAt + (place * 1000) / perSecond
  for (let place = 0; place < count; await sleep(TICK_MS)) {
    for (const at = nowMs(); place < count && at >= dueAt(place); place += 1) poster.post(place)
  }
  return Math.round(nowMs() - dueAt(count - 1))
}

function tellMeta({ metaPort, from }, most) {
  return fetch(`http://127.0.0.1:${metaPort}/control/begin`, {
    method: 'POST',
    body: JSON.stringify({ from, most }),
  })
}

/** When each message came to Meta, 0 for what is missing. Waits until so many have come. */
async function arrivals(metaPort, wanted) {
  const look = async () => {
    const answer = await fetch(`http://127.0.0.1:${metaPort}/control/arrivals`)
    return new Float64Array(await answer.arrayBuffer())
  }
  let came = await look()
  await eventually(async () => {
    came = await look()
    return came.filter((at) => at > 0).length >= wanted
  })
  return came
}

async function eventually(holds) {
  const endsAt = nowMs() + COME_WITHIN_MS
  while (!(await holds()) && nowMs() < endsAt) await sleep(LOOKS_EVERY_MS)
}

function latenciesOf(seen) {
  return latencies(seen.map(({ sent, came }) => came - sent))
}

function windowsOf(seen, windowSeconds) {
  const windows = []
  for (const each of seen) {
    const place = Math.floor((each.sent - seen[0].sent) / (windowSeconds * 1000))
    ;(windows[place] ??= []).push(each)
  }
  return windows.map(latenciesOf)
}

async function renewAfter({ afterSeconds, port, path, headers }, warmUpSeconds) {
  await sleep((warmUpSeconds + afterSeconds) * 1000)
  const [lane] = await openLanes(port, 1)
  const beganAt = nowMs()
  const status = await lane.post(postBytes(path, headers, '{}'))
  const endedAt = nowMs()
  lane.close()
  return { beganAt, endedAt, status }
}

/** Messages whose request came within the second before the renewal, and from its beginning on until its end, or for a second. */
function aroundRenewal(seen, { beganAt, endedAt, status }) {
  const within = (begin, end) => latenciesOf(seen.filter(({ sent }) => sent >= begin && sent < end))
  return {
    status,
    tookMs: endedAt - beganAt,
    before: within(beganAt - 1000, beganAt),
    during: within(beganAt, Math.max(endedAt, beganAt + 1000)),
  }
}
