/** Our pages in a real browser, which says what is wrong with them. Nothing here knows a page. */
import axe, { type AxeResults, type Result } from 'axe-core'
import { chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll } from 'vitest'
import type { Scope } from './system.ts'

/** Where no browser was found, tests that need one are skipped: `describe.skipIf(!hasBrowser)`. */
export const hasBrowser = Boolean(process.env['RELAIS_BROWSER'])

const FLAGS = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** A phone, and a small laptop. */
const HEIGHTS = { 390: 844, 1280: 900 } as const
export const WIDTHS = [390, 1280] as const satisfies (keyof typeof HEIGHTS)[]
export const THEMES = ['light', 'dark'] as const

/** On a crowded machine a page takes its time. */
const PATIENCE_MS = 60_000

type Width = keyof typeof HEIGHTS

type View = {
  width?: Width
  theme?: (typeof THEMES)[number]
  /** Operator name and key, given when the page asks for them. */
  login?: { name: string; key: string }
  /** A complaint that belongs to what is tried. */
  tolerates?: RegExp
}

export type Browser = Awaited<ReturnType<typeof openBrowser>>

/** One browser for all tests of a file. Call it inside of the `describe` that is skipped without one. */
export function sharedBrowser(): () => Browser {
  const closers: (() => Promise<void>)[] = []
  let browser: Browser | undefined
  beforeAll(async () => {
    browser = await openBrowser({ onTestFinished: (close) => void closers.push(close) })
  })
  afterAll(async () => {
    for (const close of closers.toReversed()) await close()
  })
  return () => {
    if (!browser) throw new Error('the browser has not started')
    return browser
  }
}

/** Starts a browser, which ends with the scope, and with the process of the tests at the latest. */
async function openBrowser(scope: Scope) {
  const browser = await chromium.launch({
    executablePath: process.env['RELAIS_BROWSER'] ?? '',
    args: FLAGS,
    // The runner's signals are its own: the browser ends when the pipe to it does.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  })
  scope.onTestFinished(() => browser.close())

  return {
    /**
     * Opens a page of a test, with nothing kept from others and without animations. Whatever the browser complains of until the end
     * of the test fails it: errors of scripts and of the console, what the page's own policy forbids, requests without a good answer.
     */
    async visit(t: Scope, url: string, view: View = {}): Promise<Page> {
      const { width = 1280, theme = 'light', login, tolerates } = view
      const context = await browser.newContext({
        viewport: sizeOf(width),
        colorScheme: theme,
        reducedMotion: 'reduce',
        ...(login && { httpCredentials: { username: login.name, password: login.key } }),
      })
      context.setDefaultTimeout(PATIENCE_MS)
      const page = await context.newPage()
      const complaints = collectComplaints(page)
      t.onTestFinished(async () => {
        const found = complaints().filter((complaint) => !tolerates?.test(complaint))
        await context.close()
        if (found.length > 0) throw new Error(`the browser complains of ${url}:\n${found.join('\n')}`)
      })
      await page.goto(url)
      return page
    },
  }
}

/** Waits until the page has been laid out anew. */
export async function resize(page: Page, width: Width): Promise<void> {
  await page.setViewportSize(sizeOf(width))
  await page.evaluate('new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))')
}

function sizeOf(width: Width) {
  return { width, height: HEIGHTS[width] }
}

/** What the browser has complained of since now, a line each. */
export function collectComplaints(page: Page): () => string[] {
  const complaints: string[] = []
  // What a policy forbids is an error of the console too, and so is an answer of 400 and more.
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`console: ${message.text()} (${message.location().url})`)
  })
  page.on('pageerror', (error) => complaints.push(`script: ${error.stack ?? error.message}`))
  page.on('requestfailed', (request) => {
    const why = request.failure()?.errorText ?? ''
    // The page itself has lost interest: it was left, or it closed a stream.
    if (why !== 'net::ERR_ABORTED') complaints.push(`request: ${request.method()} ${request.url()}: ${why}`)
  })
  return () => [...complaints]
}

/** A fault that keeps people out, as axe-core found it. */
export type Barrier = { rule: string; text: string }

/**
 * What of the page, as it is shown now, keeps people out: axe-core's serious and critical violations.
 *
 * It runs in a world of its own beside the page's scripts, where the page's policy does not reach: so the policy need not be lifted, and
 * what breaks it is seen all the same.
 */
export async function findBarriers(page: Page): Promise<Barrier[]> {
  const session = await page.context().newCDPSession(page)
  const { frameTree } = await session.send('Page.getFrameTree')
  const { executionContextId: contextId } = await session.send('Page.createIsolatedWorld', {
    frameId: frameTree.frame.id,
  })
  const evaluate = async (expression: string): Promise<unknown> => {
    const how = { contextId, awaitPromise: true, returnByValue: true }
    const { result, exceptionDetails } = await session.send('Runtime.evaluate', { expression, ...how })
    if (exceptionDetails) throw new Error(`axe-core: ${JSON.stringify(exceptionDetails)}`)
    return result.value
  }
  await evaluate(`${axe.source}; undefined`)
  const results = (await evaluate(`axe.run({ resultTypes: ['violations'] })`)) as AxeResults
  await session.detach()
  if (results.passes.length === 0) throw new Error('axe-core has looked at nothing')
  return results.violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(barrier)
}

function barrier({ id, impact, help, nodes }: Result): Barrier {
  const where = nodes.map(({ target, failureSummary = '' }) => {
    const [, ...reasons] = failureSummary.split('\n').map((line) => line.trim())
    return `  ${target.join(' ')}: ${reasons.join('; ')}`
  })
  return { rule: id, text: [`${impact}: ${id}: ${help}`, ...where].join('\n') }
}

/** By how many pixels the page is wider than the window: then people have to scroll to and fro to read a line. */
export function overhang(page: Page): Promise<number> {
  return page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth')
}
