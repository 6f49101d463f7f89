/**
 * Those who watch: a Prometheus that scrapes, and open status pages. They read all that they are sent and do nothing with it.
 *
 * Environment: PORT. `begin` starts what its body says, `end` stops it and tells what they have seen:
 *   scrape { ports, everyMs }                 of /metrics
 *   pages { count, port, path, headers }      streams of server-sent events
 */
import http from 'node:http'

let watch

const server = http.createServer((request, response) => {
  const chunks = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', () => {
    void control(request.url, chunks).then((told) => response.end(JSON.stringify(told)))
  })
})
server.keepAliveTimeout = 600_000
server.listen(Number(process.env.PORT), '127.0.0.1', () => process.stdout.write('ready\n'))

async function control(url, chunks) {
  if (url === '/end') return watch.end()
  watch = await begin(JSON.parse(Buffer.concat(chunks)))
  return {}
}

/** All are there when it resolves: a page that has just been opened is given more than one that has been for long. */
async function begin({ scrape, pages }) {
  const seen = { scrapes: 0, scrapedBytes: 0, events: 0, eventBytes: 0, pages: [] }
  const agent = new http.Agent({ keepAlive: true })
  const scrapeAll = () => Promise.all(scrape.ports.map((port) => scrapeOne(agent, port, seen)))
  const streams = await Promise.all(Array.from({ length: pages.count }, () => openPage(pages, seen)))
  await scrapeAll()
  for (const name of ['scrapes', 'scrapedBytes', 'events', 'eventBytes']) seen[name] = 0
  const timer = setInterval(() => void scrapeAll(), scrape.everyMs)
  return {
    end() {
      clearInterval(timer)
      agent.destroy()
      for (const stream of streams) stream.destroy()
      return seen
    },
  }
}

/** One that fails is not counted. */
function scrapeOne(agent, port, seen) {
  return new Promise((resolve) => {
    const request = http.get({ port, host: '127.0.0.1', path: '/metrics', agent }, (response) => {
      response.on('data', (chunk) => (seen.scrapedBytes += chunk.length))
      response.on('end', () => {
        if (response.statusCode === 200) seen.scrapes += 1
        resolve()
      })
    })
    request.on('error', resolve)
  })
}

/** Resolves with the first that it is told. Its status is noted, and, when it ends by itself, that it did. */
function openPage({ port, path, headers }, seen) {
  return new Promise((resolve, reject) => {
    const request = http.get({ port, host: '127.0.0.1', path, headers, agent: false }, (response) => {
      seen.pages.push(response.statusCode)
      response.setEncoding('utf8')
      response.on('data', (text) => {
        seen.eventBytes += text.length
        seen.events += text.split('\n\n').length - 1
        resolve(request)
      })
      response.on('end', () => seen.pages.push('ended'))
      response.on('error', () => {})
    })
    request.on('error', reject)
  })
}
