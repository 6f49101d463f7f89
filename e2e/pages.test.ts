/** Every page of the API in a real browser, while messages come in and meet all kinds of ends. A new page is a row of `PAGES`. */
import { openQueue, openRedis, type QueueName } from '@relais/core'
import { eventually } from '@relais/testing'
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest'
import { hasBrowser, sharedBrowser } from './browser.ts'
import { expectOpenToAll, type PageToLookAt } from './look-at-page.ts'
import { crowd, startLoad } from './load.ts'
import { sharedSystem, type System } from './system.ts'

/** Codes a second; a backlog of other messages takes what is left of the pace. */
const LOAD = 20
const PACE = 30
const BACKLOG = 1000
const PATIENT = { ttlSeconds: 900, deliverWithinSeconds: 900 }

/** So many jobs there are in each state when the first page is opened: of those that failed more than the board shows at once. */
const JOBS = { active: 1, prioritized: 1, delayed: 1, completed: 1, failed: 11 }

type PageRow = Omit<PageToLookAt, 'address' | 'login'> & {
  name: string
  url: (system: System) => string | Promise<string>
  /** Jobs of this queue wait while the page is looked at. */
  paused?: QueueName
}

const BULL_BOARD = {
  'button-name': 'the icons at the top have no names',
  'color-contrast': 'small letters in grey and in red on a tint, 3.8 to 4.4 to 1',
  'svg-img-alt': 'its Redis logo',
}

/** A number without WhatsApp. */
const FALLS_BACK = '+221779990026'

const PAGES: PageRow[] = [
  {
    name: 'the status page',
    url: ({ apiUrl }) => `${apiUrl}/admin`,
    shows: 'Why messages fell back',
  },
  {
    name: 'messages that were found',
    url: async ({ apiUrl, send }) => {
      await send(FALLS_BACK, '482913')
      return `${apiUrl}/admin/messages`
    },
    does: async (page) => {
      await page.getByLabel('What it is').fill(FALLS_BACK)
      await page.getByRole('button', { name: 'Find' }).click()
    },
    shows: 'Found: ',
  },
  {
    name: 'a message that fell back',
    url: async ({ apiUrl, send, reaches }) => {
      const id = await send(FALLS_BACK, '482913')
      await reaches(id, ['fallback'], 30_000)
      return `${apiUrl}/admin/messages/${id}`
    },
    shows: 'What happened',
  },
  {
    name: 'the docs of the API',
    url: ({ apiUrl }) => `${apiUrl}/docs`,
    shows: 'Send a message',
    tolerated: {
      'color-contrast':
        'white on the green and grey of its buttons and versions, 2.2 to 3.8 to 1; in the light only',
      'image-alt': 'its logo',
      label: 'the field with the URL of the document',
      'nested-interactive': 'a padlock within the button that opens an operation',
      'select-name': 'the list of servers, which has one',
    },
  },
  {
    name: 'the queues',
    url: ({ apiUrl }) => `${apiUrl}/admin/queues`,
    shows: 'Access token',
    tolerated: BULL_BOARD,
    paused: 'fallback',
  },
  {
    name: 'the failed jobs',
    url: ({ apiUrl }) => `${apiUrl}/admin/queues/queue/messages?status=failed`,
    shows: 'fallback: ',
    tolerated: { ...BULL_BOARD, listitem: 'the numbers of its pages' },
  },
]

describe.skipIf(!hasBrowser)('in a browser', { timeout: 180_000 }, () => {
  const system = sharedSystem({ env: { SEND_RATE_PER_SECOND: String(PACE), DELIVER_WITHIN_SECONDS: '5' } })
  const browser = sharedBrowser()
  let load: ReturnType<typeof startLoad> | undefined

  beforeAll(async () => {
    system().simulator.injectFaults([
      { kind: 'stall', ms: 30_000, accepted: false, probability: 0.03 },
      { kind: 'error', code: 131_016, probability: 0.03 },
    ])
    await postBacklog(system())
    load = startLoad(system(), LOAD, crowd(18_000))
    await eventually(
      () => jobsOf(system(), 'messages'),
      (counts) => Object.entries(JOBS).every(([state, least]) => (counts[state] ?? 0) >= least),
      { timeoutMs: 60_000, everyMs: 200, what: `jobs in every state: ${JSON.stringify(JOBS)}` },
    )
  })
  afterAll(() => load?.stop())

  it.for(PAGES.map((row) => [row.name, row] as const))(
    '%s: nothing keeps people out, and the browser has nothing to say',
    async ([, { url, paused, ...page }], t) => {
      if (paused) await keepWaiting(t, system(), paused)
      const login = { name: 'awa', key: system().secrets.opsKey }
      await expectOpenToAll(t, browser(), { ...page, address: await url(system()), login })
    },
  )
})

/** Ordinary messages of another app, which wait for longer than the test takes: codes go first. */
async function postBacklog(system: System): Promise<void> {
  const messages = crowd(BACKLOG).map((to) => ({ to, type: 'text', text: 'Good morning', ...PATIENT }))
  const answer = await system.call('POST', '/api/messages/batch', system.secrets.otherApiKey, { messages })
  expect(answer.status).toBe(202)
}

/** How many jobs of a queue are in each state, as the board tells. */
async function jobsOf({ apiUrl, secrets }: System, name: QueueName): Promise<Record<string, number>> {
  const authorization = `Basic ${Buffer.from(`awa:${secrets.opsKey}`).toString('base64')}`
  const answer = await fetch(`${apiUrl}/admin/queues/api/queues`, { headers: { authorization } })
  const { queues } = (await answer.json()) as { queues: { name: string; counts: Record<string, number> }[] }
  return queues.find((queue) => queue.name === name)?.counts ?? {}
}

/** Until the end of the test. There is a job by then. */
async function keepWaiting(t: TestContext, system: System, name: QueueName): Promise<void> {
  const { env } = system
  const redis = openRedis({ kind: 'single', url: env.REDIS_URL }, 'patient', () => undefined)
  const queue = openQueue(name, { redis, prefix: env.QUEUE_PREFIX, onError: () => undefined })
  t.onTestFinished(async () => {
    await queue.resume()
    await queue.close()
    redis.disconnect()
  })
  await queue.pause()
  const waits = ({ waiting = 0, paused = 0 }: Record<string, number>) => waiting + paused > 0
  await eventually(() => jobsOf(system, name), waits, {
    timeoutMs: 30_000,
    what: `a job that waits in ${name}`,
  })
}
