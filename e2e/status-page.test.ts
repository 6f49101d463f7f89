/** What an operator sees, as it happens, and does about it: in a real browser, against the whole. */
import type { Page } from 'playwright-core'
import { eventually } from '@relais/testing'
import { describe, expect, it, type TestContext } from 'vitest'
import { hasBrowser, sharedBrowser } from './browser.ts'
import { recipients, sharedSystem } from './system.ts'

/** What is promised: so soon the page says what has changed. A machine that is busy with other things may be late, not each time. */
const TOLD_WITHIN_MS = 2000
const ROUNDS = 3

describe.skipIf(!hasBrowser)('the status page, in a browser', { timeout: 120_000 }, () => {
  const system = sharedSystem()
  const browser = sharedBrowser()

  async function open(t: TestContext, tolerates?: RegExp): Promise<Page> {
    const { apiUrl, secrets } = system()
    const login = { name: 'awa', key: secrets.opsKey }
    const page = await browser().visit(t, `${apiUrl}/admin`, { login, ...(tolerates && { tolerates }) })
    await page.getByText('Live', { exact: true }).waitFor()
    return page
  }

  const mode = (page: Page) => page.locator('#mode .pill').first()

  /** Waits until the page shows this mode, and answers how long that took, in milliseconds. */
  async function turnsTo(page: Page, wanted: string): Promise<number> {
    const startedAt = performance.now()
    await mode(page).getByText(wanted, { exact: true }).waitFor({ timeout: 30_000 })
    return performance.now() - startedAt
  }

  it('turns to fallback when the token is revoked, and to connected when the operator has pasted a new one', async (t) => {
    const { simulator, send, reaches, output, revokeTokens } = system()
    await reaches(await send(recipients(1)[0] ?? '', '482913'), ['delivered'])
    const page = await open(t)
    await turnsTo(page, 'connected')
    const tookMs: number[] = []
    for (let version = 2; version <= 1 + ROUNDS; version += 1) {
      revokeTokens()
      tookMs.push(await turnsTo(page, 'fallback'))
      const words = await page.locator('#mode').innerText()
      expect(words).toContain('The access token is dead')
      expect(words).toContain('What to do')

      const accessToken = simulator.issueToken()
      await page.getByText('Bring a new token').click()
      await page.getByLabel('Access token', { exact: true }).fill(accessToken)
      await page.getByRole('button', { name: 'Check with Meta and use it' }).click()
      await page.getByText('The new token is in use.').waitFor()
      await turnsTo(page, 'connected')
      expect(await page.locator('#token').innerText()).toContain(`manual, version ${version}`)
      expect(await page.content()).not.toContain(accessToken)
      expect(output().join('\n')).not.toContain(accessToken)
    }
    process.stdout.write(`revoked, and on the page after ${tookMs.map(Math.round).join(', ')} ms\n`)
    expect(Math.min(...tookMs)).toBeLessThan(TOLD_WITHIN_MS)
    await reaches(await send(recipients(2)[1] ?? '', '482914'), ['delivered'])
  })

  it('a token that will not do is refused in words, and the one in use stays', async (t) => {
    const page = await open(t, /status of 422/)
    const before = await page.locator('#token').innerText()
    await page.getByText('Bring a new token').click()
    const field = page.getByLabel('Access token', { exact: true })
    await field.fill('EAAnotatoken')
    const answered = page.waitForResponse((response) => response.request().method() === 'POST')
    await page.getByRole('button', { name: 'Check with Meta and use it' }).click()
    expect((await answered).status()).toBe(422)
    await page.getByText('The token was not stored').waitFor()
    const fingerprint = /Fingerprint\s+(\w+)/.exec(before)?.[1] ?? ''
    expect(fingerprint).toMatch(/^[0-9a-f]{8}$/)
    expect(await page.locator('#token').innerText()).toContain(fingerprint)
  })

  it('counts go up while one looks', async (t) => {
    const page = await open(t)
    const delivered = page.locator('figure[data-name="delivered"] strong')
    const before = Number(await delivered.innerText())
    const ids = await Promise.all(
      recipients(8)
        .slice(4)
        .map((to) => system().send(to, '1234')),
    )
    for (const id of ids) await system().reaches(id, ['delivered'])
    // With those of the tests before, of which some may not have been told yet.
    const total = system().simulator.messages().length
    await eventually(
      async () => Number(await delivered.innerText()),
      (count) => count === total,
    )
    expect(before).toBeLessThan(total)
  })

  it('what is being used is not taken away: a form that is being filled in stays open', async (t) => {
    const page = await open(t)
    await page.getByText('Bring a new token').click()
    const field = page.getByLabel('Access token', { exact: true })
    await field.fill('EAAhalf')
    const receipts = page.locator('#receipts')
    const before = await receipts.innerText()
    await system().reaches(await system().send(recipients(10)[9] ?? '', '1234'), ['delivered'])
    await eventually(
      () => receipts.innerText(),
      (now) => now !== before,
    )
    expect(await field.inputValue()).toBe('EAAhalf')
  })
})
