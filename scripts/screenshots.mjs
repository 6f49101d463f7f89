import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { whenAnswers } from './answers.mjs'
import { findBrowser } from './browser.mjs'
import { Failure } from './failure.mjs'
import { takeLogin } from './login-picture.mjs'
import { freePort } from './ports.mjs'
import { readJson } from './private-file.mjs'
import { root } from './root.mjs'
import { setUp } from './setup.mjs'
import { smallPng } from './small-png.mjs'
import { step } from './step.mjs'
import { runTool, stopTools } from './tool.mjs'

const folder = join(root, 'docs/screenshots')

/** A row a page: where it is, what a person does there first, and what is there once it has drawn itself. A page that is not there is left out. */
const pages = [
  { name: 'status', path: () => '/admin', shows: 'h1' },
  {
    name: 'messages',
    path: () => '/admin/messages',
    does: async (page, { number }) => {
      await page.getByLabel('What it is').fill(number)
      await page.getByRole('button', { name: 'Find' }).click()
    },
    shows: 'text=Found',
  },
  { name: 'message', path: ({ messageId }) => `/admin/messages/${messageId}`, shows: 'h1' },
  { name: 'queues', path: () => '/admin/queues', shows: 'text=Access token' },
]
/** Of the example, which is beside all of these. */
const loginName = 'better-auth'
const themes = ['light', 'dark']
const sizes = { 390: 844, 1280: 900 }

/** Longer pages are cut off here: a picture is to be looked at, and small. */
const mostHeight = 2400

const loadSeconds = 15
const perSecond = 40

/** The last four digits of those who get codes: most are reachable, and the simulator does to the others what it does to such numbers. */
const endings = [
  '1111',
  '0026',
  '1112',
  '1113',
  '0001',
  '1114',
  '1115',
  '0002',
  '1116',
  '0030',
  '1117',
  '1118',
]

/** One who asks for a code again and again: has no WhatsApp. */
const number = '+221779990026'
const oneIn = 100

/** So that some of the sends meet trouble on their way. */
const faults = [
  { kind: 'stall', ms: 30_000, accepted: true, probability: 0.02 },
  { kind: 'error', code: 131_016, probability: 0.05 },
]

/**
 * `npm run screenshots`: starts all that `npm start` does, with a Redis and keys of its own, puts it under load, and writes a picture of each
 * page in both themes and two widths into docs/screenshots, and before the load one of a login with the example of Better Auth.
 * @param names of the pages that are wanted; none = all
 * @returns the exit code
 */
export async function screenshots(names = []) {
  const known = [loginName, ...pages.map(({ name }) => name)]
  if (names.some((name) => !known.includes(name)))
    throw new Failure(`usage: npm run screenshots -- [${known.join('|')}]`, { exitCode: 64 })
  const isWanted = (name) => names.length === 0 || names.includes(name)
  await setUp()
  const executablePath = await findBrowser()
  if (!executablePath) throw new Failure('No Chromium found: install one, or name it in RELAIS_BROWSER.')
  const data = await mkdtemp(join(tmpdir(), 'relais-screenshots-'))
  const [api, simulator, control] = [await freePort(), await freePort(), await freePort()]
  const system = runTool(process.execPath, ['scripts/dev.mjs', 'start'], {
    env: settings({ data, api, simulator, control }),
  })
  try {
    const ended = system.then(({ output }) => {
      throw new Failure('the system ended', { output })
    })
    await Promise.race([takeAll({ executablePath, data, api, simulator, control, isWanted }), ended])
    return 0
  } finally {
    stopTools('SIGTERM')
    await system
    await rm(data, { recursive: true, force: true })
  }
}

/** Nothing of this checkout's own settings: nothing is sent to people from here, and nothing is left in its Redis. */
function settings({ data, api, simulator, control }) {
  return {
    PORT: String(api),
    SIMULATOR_PORT: String(simulator),
    SIMULATOR_ADMIN_PORT: String(control),
    METRICS_PORT: '0',
    RELAIS_DATA_DIR: data,
    DELIVER_WITHIN_SECONDS: '5',
    ...Object.fromEntries(
      [
        'REDIS_URL',
        'REDIS_SENTINELS',
        'REDIS_CLUSTER',
        'API_KEYS',
        'OPS_KEYS',
        'WHATSAPP_PHONE_NUMBER_ID',
        'WHATSAPP_ACCESS_TOKEN',
      ].map((name) => [name, '']),
    ),
  }
}

async function takeAll({ executablePath, data, api, simulator, control, isWanted }) {
  const url = `http://127.0.0.1:${api}`
  await step('Starting Redis, the simulator, the API and a worker', () =>
    whenAnswers({ name: 'the api', url: `${url}/readyz`, withinMs: 60_000 }),
  )
  const { apiKey, opsKey } = await readJson(join(data, 'keys.json'))
  // Known to e2e only: nobody else has a browser.
  const { chromium } = createRequire(join(root, 'e2e/package.json'))('playwright-core')
  await mkdir(folder, { recursive: true })
  const browser = await chromium.launch({ executablePath, args: ['--disable-gpu', '--disable-quic'] })
  try {
    if (isWanted(loginName)) {
      const file = join(folder, `${loginName}.png`)
      await takeLogin({ browser, url, phonesUrl: `http://127.0.0.1:${simulator}/`, apiKey, file })
      console.log(relative(root, file))
    }
    const rest = pages.filter(({ name }) => isWanted(name))
    if (rest.length > 0) await takeUnderLoad({ browser, pages: rest, url, apiKey, opsKey, control })
  } finally {
    await browser.close()
  }
}

async function takeUnderLoad({ browser, pages: wanted, url, apiKey, opsKey, control }) {
  await post(`http://127.0.0.1:${control}/faults`, {}, { faults })
  const load = startLoad({ url, apiKey })
  await step(`Making load for ${loadSeconds} s`, () => sleep(loadSeconds * 1000))
  try {
    await take({ browser, pages: wanted, url, opsKey, facts: { number, messageId: load.messageId() } })
  } finally {
    await load.stop()
  }
}

/** Codes at a steady pace, each to somebody else but for those to that one number. */
function startLoad({ url, apiKey }) {
  const headers = { authorization: `Bearer ${apiKey}` }
  const posts = []
  let messageId
  const timer = setInterval(() => {
    const at = posts.length
    const ending = endings[at % endings.length]
    const other = `+22177${100 + (Math.floor(at / endings.length) % 800)}${ending}`
    const to = at % oneIn === 0 ? number : other
    posts.push(
      post(`${url}/api/messages`, headers, { to, type: 'otp', code: String(100_000 + at) }).then(({ id }) => {
        if (to === number) messageId ??= id
      }),
    )
  }, 1000 / perSecond)
  return {
    /** The first to that number: its story is over. */
    messageId: () => messageId,
    async stop() {
      clearInterval(timer)
      await Promise.allSettled(posts)
    },
  }
}

async function post(url, headers, body) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  })
  return answer.json()
}

async function take({ browser, pages: wanted, url, opsKey, facts }) {
  for (const { name, path, ...page } of wanted) {
    const address = url + path(facts)
    const { status } = await fetch(address, { signal: AbortSignal.timeout(10_000) })
    if (status === 404) {
      console.log(`${name}: there is no such page yet, left out`)
      continue
    }
    for (const theme of themes)
      for (const width of Object.keys(sizes).map(Number)) {
        const file = join(folder, `${name}-${theme}-${width}.png`)
        await takeOne(browser, { ...page, address, facts, theme, width, opsKey, file })
        console.log(relative(root, file))
      }
  }
}

async function takeOne(browser, { address, does, shows, facts, theme, width, opsKey, file }) {
  const context = await browser.newContext({
    viewport: { width, height: sizes[width] },
    deviceScaleFactor: 1,
    colorScheme: theme,
    reducedMotion: 'reduce',
    locale: 'en-GB',
    timezoneId: 'UTC',
    httpCredentials: { username: 'ops', password: opsKey },
  })
  try {
    const page = await context.newPage()
    await page.goto(address)
    await does?.(page, facts)
    await page.locator(shows).filter({ visible: true }).first().waitFor()
    await page.evaluate('document.fonts.ready.then(() => undefined)')
    const whole = await page.evaluate('document.documentElement.scrollHeight')
    const clip = { x: 0, y: 0, width, height: Math.min(whole, mostHeight) }
    await writeFile(file, smallPng(await page.screenshot({ fullPage: true, clip, animations: 'disabled' })))
  } finally {
    await context.close()
  }
}
