/** The browser itself: that it sees what is wrong with a page. A test of a page that finds nothing says nothing without this. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { collectComplaints, findBarriers, hasBrowser, overhang, sharedBrowser } from './browser.ts'
import type { Scope } from './system.ts'

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'"

const good = '<p>All is well.</p>'

async function serve(body: string): Promise<string> {
  const page = `<!doctype html><html lang="en"><head><title>A page</title><link rel="icon" href="data:,"><script src="/script.js" defer></script></head><body><main><h1>A page</h1>${body}</main></body></html>`
  const server = createServer(({ url }, response) => {
    response.setHeader('content-security-policy', POLICY)
    if (url === '/') response.setHeader('content-type', 'text/html; charset=utf-8').end(page)
    else if (url === '/script.js')
      response.setHeader('content-type', 'text/javascript').end('window.hasRun = true')
    else if (url === '/reset') response.destroy()
    else response.writeHead(404).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

describe.skipIf(!hasBrowser)('the browser of the tests', () => {
  const browser = sharedBrowser()

  /** What a visit leaves to be done at the end of its test. */
  async function visit(body: string) {
    const closers: (() => Promise<void>)[] = []
    const scope: Scope = { onTestFinished: (close) => void closers.push(close) }
    const page = await browser().visit(scope, await serve(body))
    return { page, end: () => Promise.all(closers.map((close) => close())) }
  }

  it('has nothing to say of a page that is in order', async () => {
    const { page, end } = await visit(good)
    expect(await page.evaluate('window.hasRun')).toBe(true)
    expect(await findBarriers(page)).toEqual([])
    expect(await overhang(page)).toBe(0)
    await end()
  })

  it.each([
    [
      'a style that its policy forbids',
      '<p style="color: red">Red</p>',
      /console: .*Content Security Policy/,
    ],
    [
      'a script that its policy forbids',
      '<script>window.x = 1</script>',
      /console: .*Content Security Policy/,
    ],
    ['a picture that is not there', '<img src="/absent.png" alt="">', /console: .*\/absent\.png/],
  ])('fails a test for %s', async (_what, body, complaint) => {
    const { end } = await visit(body)
    await expect(end()).rejects.toThrow(complaint)
  })

  it.each([
    ['an error of a script', "setTimeout(() => { throw new Error('slipped') })", /script: .*slipped/],
    ['a message of the console', "console.error('odd')", /console: odd/],
    ['a request that was cut', "fetch('/reset').catch(() => {})", /request: GET .*\/reset: net::ERR_/],
  ])('complains of %s', async (_what, script, complaint) => {
    const { page, end } = await visit(good)
    const complaints = collectComplaints(page)
    await page.evaluate(`void ${script}`)
    await expect.poll(() => complaints().join('\n')).toMatch(complaint)
    await expect(end()).rejects.toThrow(complaint)
  })

  it('finds what keeps people out, under a policy that forbids what is not of the page, and breaks none', async () => {
    const { page, end } = await visit('<input><button></button>')
    const barriers = await findBarriers(page)
    expect(barriers.map(({ rule }) => rule)).toEqual(['button-name', 'label'])
    expect(barriers[1]?.text).toMatch(/^critical: label: .*\n {2}input: /)
    expect(await page.evaluate('typeof window.axe')).toBe('undefined')
    await end()
  })

  it('sees how far a page sticks out', async () => {
    const { page, end } = await visit(`<pre>${'wide '.repeat(400)}</pre>`)
    expect(await overhang(page)).toBeGreaterThan(500)
    await end()
  })
})
