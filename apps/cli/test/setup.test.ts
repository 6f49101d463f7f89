/** The guide, answered from a pipe, with a simulated Meta. */
import { mkdtemp, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { createSimulator, type Simulator } from '@relais/simulator'
import { freePort } from '@relais/testing'
import { beforeAll, expect, it } from 'vitest'
import { runSetup } from '../src/commands/setup.ts'
import { createPaint } from '../src/paint.ts'
import { createPrompt } from '../src/prompt.ts'
import { createSay, type Language } from '../src/texts.ts'

const appSecret = 'appsecretappsecretappsecret'
const ids = { phoneNumberId: '106540352242922', businessId: '102290129340398', appId: '138483919580948' }

let simulator: Simulator
beforeAll(async () => {
  simulator = await createSimulator({ ...ids, accessToken: 'EAAfirst', appSecret })
  return () => simulator.close()
})

type How = { language?: Language; environment?: Record<string, string>; file?: string }

async function guide(answers: string[], { language = 'en', environment = {}, file }: How = {}) {
  const envFile = file ?? join(await mkdtemp(join(tmpdir(), 'relais-setup-')), '.env')
  const output = new PassThrough()
  let said = ''
  output.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const input = new PassThrough()
  input.end(answers.map((line) => `${line}\n`).join(''))
  const prompt = createPrompt({ input, output })
  const code = await runSetup({
    environment: { WHATSAPP_API_BASE_URL: simulator.graphUrl, ...environment },
    envFile,
    prompt,
    say: createSay(language),
    paint: createPaint(false),
    print: (text) => void output.write(text),
  })
  prompt.close()
  const written = await readFile(envFile, 'utf8').catch(() => undefined)
  return { code, written, said: said.replace(/\s+/g, ' '), envFile }
}

const app = [ids.appId, appSecret]
const both = [...app, ids.phoneNumberId, ids.businessId]
const issue = (request?: Parameters<Simulator['issueToken']>[0]) => simulator.issueToken(request)

it('writes what was confirmed, for its owner only, and shows fingerprints', async () => {
  const token = issue()
  const { code, written, said, envFile } = await guide([...both, token, 'y'])
  expect(code).toBe(0)
  expect(written).toContain(`WHATSAPP_ACCESS_TOKEN=${token}\n`)
  expect((await stat(envFile)).mode & 0o777).toBe(0o600)
  expect(said).toMatch(/WHATSAPP_ACCESS_TOKEN fingerprint [0-9a-f]{8}/)
  for (const secret of [token, appSecret]) expect(said).not.toContain(secret)
})

it('does not write beside a value that stands in a file', async () => {
  const environment = { WHATSAPP_ACCESS_TOKEN_FILE: '/run/secrets/whatsapp_access_token' }
  const { code, written, said } = await guide([...both, issue(), 'y'], { environment })
  expect([code, written]).toEqual([78, undefined])
  expect(said).toContain('WHATSAPP_ACCESS_TOKEN_FILE is set')
})

it('keeps what is there when only Enter is pressed', async () => {
  const token = issue()
  const environment = {
    WHATSAPP_APP_ID: ids.appId,
    WHATSAPP_APP_SECRET: appSecret,
    WHATSAPP_PHONE_NUMBER_ID: ids.phoneNumberId,
    WHATSAPP_BUSINESS_ID: ids.businessId,
    WHATSAPP_ACCESS_TOKEN: token,
  }
  const { code, written, said } = await guide(['', '', '', '', '', 'y'], { environment })
  expect(code).toBe(0)
  expect(written).toContain(token)
  expect(said).not.toContain(token)
})

it.for<[string, () => string[], RegExp]>([
  ['the last answer is no', () => [...both, issue(), 'n'], /Nothing was written/],
  ['the answers end', () => both, /ended before the questions/],
  ['the answers end before the last one', () => [...both, issue()], /ended before the questions/],
])('writes nothing when %s', async ([, answers, why]) => {
  const { code, written, said } = await guide(answers())
  expect(said).toMatch(why)
  expect(code).toBe(1)
  expect(written).toBeUndefined()
})

it('asks again for what Meta does not take', async () => {
  const token = issue()
  const limited = issue({ scopes: ['whatsapp_business_management'] })
  const revoked = issue()
  simulator.revokeToken(revoked)
  const { code, said } = await guide([
    // The app: a wrong secret, then the right one with the id that was given.
    ids.appId,
    'not-the-secret',
    '',
    appSecret,
    // The number and the account: what is no id, the app's, and two that do not exist.
    '+221 77 123 45 67',
    ids.appId,
    '999999999',
    '888888888',
    limited,
    revoked,
    `${ids.appId}|${appSecret}`,
    token,
    // The number cannot be read: another id, the same token. Then the account cannot.
    ids.phoneNumberId,
    '',
    ids.businessId,
    'y',
  ])
  for (const why of [
    'does not take this pair',
    'looks like a telephone number',
    'gave a moment ago for something else',
    'lacks whatsapp_business_messaging',
    'calls this token invalid',
    'not an access token',
    'cannot read this number',
    'account cannot be read',
    'is approved in "fr"',
  ])
    expect(said).toContain(why)
  expect(code).toBe(0)
})

it('trades a token that ends soon, and writes the new one', async () => {
  const token = issue({ type: 'USER', lifeSeconds: 3600 })
  const { written, said } = await guide([...both, token, 'n', token, 'y', 'y', 'y'])
  expect(said).toContain('token of a person')
  expect(said).toContain('Exchanged')
  expect(written).not.toContain(token)
  expect(simulator.calls().filter(({ kind }) => kind === 'exchange')).toHaveLength(1)
})

it('goes on with the short one only if that is wanted', async () => {
  const token = issue({ lifeSeconds: 3600 })
  simulator.injectFaults([{ kind: 'error', code: 190, subcode: 463, on: 'exchange' }])
  const { written, said } = await guide([...both, token, 'y', 'y', 'y'])
  expect(said).toContain('did not exchange it')
  expect(written).toContain(token)
})

it('offers to try again while Meta is silent', async () => {
  const environment = { WHATSAPP_API_BASE_URL: `http://127.0.0.1:${await freePort()}` }
  const { code, said } = await guide([...app, 'y', 'n'], { environment })
  expect(said.match(/cannot be asked/g)).toHaveLength(2)
  expect(said).toContain('Nothing was written')
  expect(code).toBe(1)
})

it('does not write through a symbolic link', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'relais-setup-'))
  await writeFile(join(folder, 'target'), '')
  await symlink(join(folder, 'target'), join(folder, '.env'))
  const { code, said } = await guide([], { file: join(folder, '.env') })
  expect(said).toContain('symbolic link')
  expect(code).toBe(1)
})

it('speaks French', async () => {
  const { code, said } = await guide([...both, issue(), 'o'], { language: 'fr' })
  expect(said).toContain('Écrit dans')
  expect(code).toBe(0)
})
