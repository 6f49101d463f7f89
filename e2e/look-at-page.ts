/** What must be true of every page: in both themes, on a phone and on a laptop. */
import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import { findBarriers, overhang, resize, THEMES, WIDTHS, type Barrier, type Browser } from './browser.ts'
import type { Scope } from './system.ts'

export type PageToLookAt = {
  address: string
  login?: { name: string; key: string }
  /** What a person does there first, such as filling in a form. */
  does?: (page: Page) => Promise<void>
  /** A text that is there once the page has drawn what it was opened for. */
  shows: string
  /** The rules of axe-core that a page which is not ours breaks, each with what breaks it. */
  tolerated?: Record<string, string>
}

/** Nothing keeps people out, but for what is tolerated, all of which is there; nothing sticks out; the browser has nothing to say. */
export async function expectOpenToAll(t: Scope, browser: Browser, what: PageToLookAt): Promise<void> {
  const { address, login, does, shows, tolerated = {} } = what
  const found: Barrier[] = []
  for (const theme of THEMES) {
    const page = await browser.visit(t, address, { theme, ...(login && { login }) })
    await does?.(page)
    for (const width of WIDTHS) {
      await resize(page, width)
      await page.getByText(shows).filter({ visible: true }).first().waitFor()
      const barriers = await findBarriers(page)
      found.push(...barriers.map(({ rule, text }) => ({ rule, text: `${theme}, ${width} px: ${text}` })))
      expect(await overhang(page), `pixels too wide for ${width}`).toBe(0)
    }
    // A page that is kept up to date takes time that the next one needs.
    await page.context().close()
  }
  const unknown = found.filter(({ rule }) => !Object.hasOwn(tolerated, rule))
  expect(unknown.map(({ text }) => text)).toEqual([])
  // What has been mended is to be held from then on.
  expect([...new Set(found.map(({ rule }) => rule))].toSorted()).toEqual(Object.keys(tolerated).toSorted())
}
