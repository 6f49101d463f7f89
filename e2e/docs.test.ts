/** The page that shows the API, in a browser: somebody with a key can try it. */
import { describe, it } from 'vitest'
import { hasBrowser, sharedBrowser } from './browser.ts'
import { sharedSystem } from './system.ts'

describe.skipIf(!hasBrowser)('the page of the API', { timeout: 60_000 }, () => {
  const shared = sharedSystem({ workers: 0 })
  const browser = sharedBrowser()

  it('sends a message for somebody who has given a key, and forgets the key with the page', async (t) => {
    const { apiUrl, secrets } = shared()
    const page = await browser().visit(t, `${apiUrl}/docs/`)
    await page.getByRole('button', { name: 'Authorize' }).click()
    const dialog = page.locator('.modal-ux')
    const ofApps = dialog.locator('.auth-container', { hasText: 'apiKey  (http, Bearer)' })
    await ofApps.getByRole('textbox').fill(secrets.apiKey)
    await ofApps.getByRole('button', { name: /Authorize|Apply credentials/ }).click()
    await dialog.getByRole('button', { name: 'Close' }).first().click()

    await page.locator('#operations-messages-sendMessage').getByRole('button').first().click()
    const operation = page.locator('#operations-messages-sendMessage')
    await operation.getByRole('button', { name: 'Execute' }).click()
    const answer = operation.locator('.live-responses-table .response')
    await answer.locator('.response-col_status', { hasText: '202' }).waitFor()
    await answer
      .getByText(/"id": "msg_[\w-]{22}"/)
      .first()
      .waitFor()

    const stored = await page.evaluate<string>(
      'JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])',
    )
    t.expect(stored).not.toContain(secrets.apiKey)
  })
})
