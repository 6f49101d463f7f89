/** The example of a login: Better Auth's own phone number plugin, with Relais bringing its codes. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { eventually, freePort, startNode } from '@relais/testing'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasBrowser, sharedBrowser } from './browser.ts'
import { expectOpenToAll } from './look-at-page.ts'
import { sharedSystem, type System } from './system.ts'

const system = sharedSystem({ env: { RECIPIENT_COOLDOWN_SECONDS: '60' } })
const app = sharedApp(system)

/** The example as its README says to start it, once for all tests. */
function sharedApp(relais: () => System) {
  let started: { url: string; lines: () => string[]; kill: () => Promise<void> } | undefined
  beforeAll(async () => {
    const port = await freePort()
    const child = startNode('examples/better-auth/src/main.js', {
      PORT: String(port),
      RELAIS_URL: relais().apiUrl,
      RELAIS_API_KEY: relais().secrets.apiKey,
      BETTER_AUTH_SECRET: randomBytes(32).toString('hex'),
    })
    started = { url: `http://127.0.0.1:${port}`, lines: child.lines, kill: child.kill }
    await child.waitForLine((line) => line.startsWith('listening'), 60_000)
  })
  afterAll(() => started?.kill())
  return () => {
    if (!started) throw new Error('the example has not started')
    return started
  }
}

/** Asks Better Auth as its page does. */
async function ask(path: string, body: object) {
  const answer = await fetch(`${app().url}/api/auth/phone-number/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: app().url },
    body: JSON.stringify(body),
  })
  return { statusCode: answer.status, headers: answer.headers, body: (await answer.json()) as object }
}

/** What WhatsApp took for this number, once it is there. */
async function messageTo(number: string) {
  const [message] = await eventually(
    () =>
      system()
        .simulator.messages()
        .filter(({ to }) => to === number),
    ([first]) => first?.code !== undefined && first.callbackData !== undefined,
    { timeoutMs: 30_000, what: `a code for ${number}` },
  )
  return { id: message?.callbackData ?? '', code: message?.code ?? '' }
}

const otherThan = (code: string) => code.replace(/.$/, (digit) => String((Number(digit) + 1) % 10))

describe('a login with Better Auth', { timeout: 120_000 }, () => {
  it('lets in whoever types the code that came, and tells Relais that it was used', async () => {
    const phoneNumber = '+221771230101'
    expect(await ask('send-otp', { phoneNumber })).toMatchObject({ statusCode: 200 })
    const { id, code } = await messageTo(phoneNumber)
    const { expiresAt, timeline } = await system().message(id)
    expect(Date.parse(expiresAt) - Date.parse(timeline[0]?.at ?? '')).toBe(300_000)
    const answer = await ask('verify', { phoneNumber, code })
    expect(answer).toMatchObject({ statusCode: 200, body: { status: true, user: { phoneNumber } } })
    expect(answer.headers.get('set-cookie')).toMatch(/^better-auth\.session_token=.*HttpOnly/)
    await system().reaches(id, ['used'])
    // And only once.
    expect(await ask('verify', { phoneNumber, code })).toMatchObject({ statusCode: 400 })
  })

  it('refuses a wrong code, and no line of any log has a code or a key in it', async () => {
    const phoneNumber = '+221771230102'
    await ask('send-otp', { phoneNumber })
    const { code } = await messageTo(phoneNumber)
    const wrong = otherThan(code)
    const refused = await ask('verify', { phoneNumber, code: wrong })
    expect(refused).toMatchObject({ statusCode: 400, body: { code: 'INVALID_OTP' } })
    expect(refused.headers.get('set-cookie')).toBeNull()
    expect(await ask('verify', { phoneNumber, code })).toMatchObject({ statusCode: 200 })
    const written = [...app().lines(), ...system().output()]
    expect(written.length).toBeGreaterThan(5)
    for (const secret of [code, wrong, system().secrets.apiKey]) {
      // Not as a part of a time or an id.
      const isIn = new RegExp(`(?<![\\w.])${secret}(?!\\w)`)
      expect(written.filter((line) => isIn.test(line))).toEqual([])
    }
  })

  it('says how long to wait when Relais takes no more codes for a number', async () => {
    const phoneNumber = '+221771230103'
    expect(await ask('send-otp', { phoneNumber })).toMatchObject({ statusCode: 200 })
    const limited = await ask('send-otp', { phoneNumber })
    expect(limited).toMatchObject({ statusCode: 429, body: { code: 'TOO_MANY_CODES' } })
    expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(20)
  })

  it('lets in whoever has no WhatsApp and got the code from an operator', async () => {
    const phoneNumber = '+221771230026'
    await ask('send-otp', { phoneNumber })
    const [record] = await eventually(
      () =>
        system()
          .output()
          .filter((line) => line.includes('"message.fallback"') && line.includes(phoneNumber)),
      ({ length }) => length === 1,
      { timeoutMs: 30_000, what: 'a fallback record' },
    )
    const { code } = JSON.parse(record ?? '') as { code: string }
    expect(await ask('verify', { phoneNumber, code })).toMatchObject({ statusCode: 200 })
  })

  it('stays up when a request makes no sense', async () => {
    const { hostname, port } = new URL(app().url)
    const socket = connect(Number(port), hostname)
    socket.end('GET /api/auth/get-session HTTP/1.1\r\nHost: [\r\n\r\n').resume()
    await once(socket, 'close')
    expect((await fetch(app().url)).status).toBe(200)
  })

  it('is what its page in the docs shows', async () => {
    const read = (path: string) => readFile(new URL(`../${path}`, import.meta.url), 'utf8')
    const [page, source] = [
      await read('docs/integrations/better-auth.md'),
      await read('examples/better-auth/src/auth.js'),
    ]
    const shown = [...page.matchAll(/```js\n([^]*?)```/g)].map(([, lines = '']) => lines)
    expect(shown.length).toBeGreaterThan(0)
    const bare = (text: string) => text.replaceAll(/^\s+/gm, '')
    for (const lines of shown) expect(bare(source)).toContain(bare(lines))
  })
})

describe.skipIf(!hasBrowser)('in a browser', { timeout: 180_000 }, () => {
  const browser = sharedBrowser()

  const askForCode = async (page: Page, number: string) => {
    await page.getByLabel('Your phone number').fill(number)
    await page.getByRole('button', { name: 'Send the code' }).click()
    await page.getByLabel('The code').waitFor()
  }

  /** What a person reads on the page of the phones, where each phone is an item with its number above. */
  const readCode = async (phones: Page, number: string) => {
    const phone = phones.locator('.phone', { has: phones.getByRole('heading', { name: number }) })
    const text = await phone.locator('.bubble .text', { hasText: /\d{6}/ }).last().innerText()
    return /\d{6}/.exec(text)?.[0] ?? ''
  }

  it('a person types a number, reads the code on the phone, types it and is logged in until they log out', async (t) => {
    const phones = await browser().visit(t, system().simulator.graphUrl)
    // The answer to the wrong code.
    const page = await browser().visit(t, app().url, { tolerates: /status of 400 .*\/verify/ })
    await askForCode(page, '+221 77 123 01 04')
    const code = await readCode(phones, '+221 771 230 104')
    await page.getByLabel('The code').fill(otherThan(code))
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByText('This is not the code.').waitFor()
    await page.getByLabel('The code').fill(code)
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByText('Logged in as +221771230104').waitFor()
    await page.reload()
    await page.getByText('Logged in as +221771230104').waitFor()
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByLabel('Your phone number').waitFor()
    await page.reload()
    await page.getByLabel('Your phone number').waitFor()
  })

  it('the page keeps nobody out, and the browser has nothing to say', async (t) => {
    await expectOpenToAll(t, browser(), { address: app().url, shows: 'Your phone number' })
  })
})
