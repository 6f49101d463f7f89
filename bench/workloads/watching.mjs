/** What it costs that somebody looks. */
import { setTimeout as sleep } from 'node:timers/promises'
import { measureRounds } from '../rounds.mjs'
import { warmUp } from './latency.mjs'
import { processorUs } from './processor-us.mjs'

const MESSAGES = { usual: 8000, short: 4000 }
const CONNECTIONS = 50

/** On their way to Meta at once: enough for both processes to have something to do at any moment. */
const MOST_AHEAD = 1000

/** What is to be seen is small, and a round is not: so there are more of them. */
const ROUNDS_FOR_ONE = 6

/** Messages at the beginning and the end, while not all parts of the chain are at work, are not counted. */
const COUNTED = { from: 0.1, to: 0.95 }

const SCRAPE_EVERY_MS = 1000
const PAGES = 2
const EVENTS_PATH = '/admin/events'

const QUIET_SECONDS = { usual: 4, short: 2 }

/** What follows in the processes when all is at Meta. */
const REST_MS = 300

export const watching = {
  about: `The whole chain with as much to do as it takes, watched (API and worker scraped every second, ${PAGES} status pages open) against unwatched, and what watching uses while there is nothing to do. Six rounds for one of others. The readers are on this machine too; the processor time is that of API, worker and Redis only.`,

  async run(bench) {
    const system = await bench.startRelais({ workers: 1, hasMetrics: true })
    const watchers = await bench.startServer('watchers')
    try {
      await warmUp(bench, { relais: system })
      const rounds = bench.how.rounds * ROUNDS_FOR_ONE
      const sidesOf = (measure) => ({
        watched: () => watched(system, watchers, measure),
        unwatched: measure,
      })
      return [
        await measureRounds(
          'full load',
          { ...bench.how, rounds },
          sidesOf(() => load(bench, system)),
        ),
        await measureRounds(
          'nothing to do',
          bench.how,
          sidesOf(() => rest(bench, system)),
        ),
      ]
    } finally {
      await watchers.kill()
      await system.stop()
    }
  },
}

async function watched(system, watchers, measure) {
  const ask = (what, how) =>
    fetch(`http://127.0.0.1:${watchers.port}/${what}`, { method: 'POST', body: JSON.stringify(how) })
  const pages = { count: PAGES, port: system.port, path: EVENTS_PATH, headers: system.pageHeaders }
  await ask('begin', { scrape: { ports: system.metricsPorts, everyMs: SCRAPE_EVERY_MS }, pages })
  const beganAt = performance.now()
  const figures = await measure()
  const seconds = (performance.now() - beganAt) / 1000
  const seen = await (await ask('end')).json()
  requireWatched(seen)
  return {
    ...figures,
    'scrapes/s': seen.scrapes / seconds,
    'scraped bytes': seen.scrapedBytes / seen.scrapes,
    'events/s of a page': seen.events / seconds / PAGES,
    'bytes/s to a page': seen.eventBytes / seconds / PAGES,
  }
}

/** @throws Error when nobody has looked: then nothing was measured */
function requireWatched({ scrapes, events, pages }) {
  if (pages.some((status) => status !== 200) || events === 0)
    throw new Error(`nobody watched: GET ${EVENTS_PATH} was answered ${pages.join(', ')}`)
  if (scrapes === 0) throw new Error('nobody watched: no scrape was answered')
}

async function load(bench, system) {
  const messages = bench.pick(MESSAGES)
  const { port, headers } = system
  await bench.tellMeta({ times: true })
  const before = await processorUs(bench, system)
  await bench.load({
    path: '/api/messages',
    make: 'message',
    connections: CONNECTIONS,
    count: messages,
    mostAhead: MOST_AHEAD,
    metaPort: bench.metaPort,
    from: bench.takeIndexes(messages),
    port,
    headers,
  })
  await bench.haveCome(messages)
  await sleep(REST_MS)
  const after = await processorUs(bench, system)
  const times = await bench.askMeta('times')
  const [first, last] = [COUNTED.from, COUNTED.to].map((part) => Math.floor(part * messages))
  const used = Object.entries(after).map(([name, us]) => [name, (us - before[name]) / messages])
  return {
    'messages/s': ((last - first) * 1000) / (times[last] - times[first]),
    'CPU us': used.reduce((sum, [, us]) => sum + us, 0),
    ...Object.fromEntries(used),
  }
}

/** What is used by watching alone: each message shares in it, the fewer there are the more. */
async function rest(bench, system) {
  const seconds = bench.pick(QUIET_SECONDS)
  const before = await processorUs(bench, system)
  await sleep(seconds * 1000)
  const after = await processorUs(bench, system)
  const used = Object.keys(after).reduce((sum, name) => sum + after[name] - before[name], 0)
  return { '% of a core': used / seconds / 1e4 }
}
