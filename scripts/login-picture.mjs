import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { whenAnswers } from './answers.mjs'
import { freePort } from './ports.mjs'
import { smallPng } from './small-png.mjs'
import { runTool } from './tool.mjs'

const number = { typed: '+221 77 123 45 67', onPhone: '+221 771 234 567' }
const page = { width: 360, height: 450 }
const gap = 24

/**
 * Logs in to examples/better-auth as a person does, and writes one picture of its three steps: the number, the code on the phone, who is
 * logged in. The example ends with the other tools.
 * @param login `browser`, where Relais (`url`) and the page of the phones (`phonesUrl`) are, the app's `apiKey`, and the `file`
 */
export async function takeLogin({ browser, url, phonesUrl, apiKey, file }) {
  const port = await freePort()
  void runTool(process.execPath, ['examples/better-auth/src/main.js'], {
    env: {
      PORT: String(port),
      RELAIS_URL: url,
      RELAIS_API_KEY: apiKey,
      BETTER_AUTH_SECRET: randomBytes(32).toString('hex'),
    },
  })
  const loginUrl = `http://127.0.0.1:${port}/`
  await whenAnswers({ name: 'the example', url: loginUrl, withinMs: 30_000 })
  const context = await browser.newContext({ colorScheme: 'light', reducedMotion: 'reduce', locale: 'en-GB' })
  try {
    const steps = await logIn({ context, loginUrl, phonesUrl })
    await writeFile(file, smallPng(await sideBySide(context, steps)))
  } finally {
    await context.close()
  }
}

async function logIn({ context, loginUrl, phonesUrl }) {
  const [login, phones] = [await context.newPage(), await context.newPage()]
  await login.setViewportSize(page)
  await login.goto(loginUrl)
  await login.getByLabel('Your phone number').fill(number.typed)
  const asked = await login.screenshot()
  await login.getByRole('button', { name: 'Send the code' }).click()
  await phones.goto(phonesUrl)
  const phone = phones.locator('.phone', { has: phones.getByRole('heading', { name: number.onPhone }) })
  // The ticks of a message that has arrived, too.
  const bubble = phone.locator('.bubble:is([data-status="delivered"], [data-status="read"])')
  const text = await bubble.locator('.text').innerText()
  const brought = await phone.locator('.handset').screenshot()
  await login.getByLabel('The code').fill(/\d{6}/.exec(text)[0])
  await login.getByRole('button', { name: 'Log in' }).click()
  await login.getByText('Logged in as').waitFor()
  return [asked, brought, await login.screenshot()]
}

async function sideBySide(context, pictures) {
  const images = pictures.map((png) => `<img src="data:image/png;base64,${png.toString('base64')}" alt="">`)
  const board = await context.newPage()
  await board.setViewportSize({ width: 1200, height: page.height })
  await board.setContent(
    `<body style="margin:0"><div style="display:inline-flex;gap:${gap}px;padding:${gap}px;align-items:center;background:#eef1f4">${images.join('')}</div>`,
  )
  return board.locator('div').screenshot()
}
