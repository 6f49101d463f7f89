/** The examples for the stacks that people use, run as they are, against the whole of Relais: what is asked for arrives on a phone. */
import { execFile, spawn, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { eventually } from '@relais/testing'
import { Webhook } from 'standardwebhooks'
import { describe, it, type TestContext } from 'vitest'
import { sharedSystem } from './system.ts'

const shared = sharedSystem()

const example = (path: string) => fileURLToPath(new URL(`../examples/${path}`, import.meta.url))
const run = promisify(execFile)

/** `npm test` says where it is. */
const jsonnet = process.env['RELAIS_JSONNET'] || 'jsonnet'

/** The codes that a phone has got, the latest last. */
const codesOn = (to: string) =>
  shared()
    .simulator.messages()
    .filter((message) => message.to === to)
    .map(({ code }) => code)

const codeOn = async (to: string) => {
  const codes = await eventually(
    () => codesOn(to),
    ({ length }) => length > 0,
    { what: `a code for ${to}` },
  )
  return codes.at(-1) ?? ''
}

/** Runs a login by hand: the code is typed when the phone has it. `type`: what is typed in place of it. */
async function logIn(command: string[], to: string, type = (code: string) => code) {
  const [program = '', ...args] = command
  const { apiUrl, secrets } = shared()
  const env = { PATH: process.env['PATH'], RELAIS_URL: apiUrl, API_KEY: secrets.apiKey }
  const child = spawn(program, [...args, to], { env, timeout: 30_000 })
  const output = Promise.all([text(child.stdout), text(child.stderr)])
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  child.stdin.end(`${type(await codeOn(to))}\n`)
  const [out, errors] = await output
  return { exitCode: await ended, out, errors }
}

const other = (code: string) => code.replace(/.$/, (digit) => String((Number(digit) + 1) % 10))

const can = (program: string, ...args: string[]) => spawnSync(program, args).status === 0

describe('Supabase', () => {
  /** What its send-SMS hook posts, signed by the library of Standard Webhooks. */
  function hook(phone: string, otp: string) {
    const { apiUrl, secrets } = shared()
    const body = JSON.stringify({ user: { id: randomUUID(), aud: 'authenticated', phone }, sms: { otp } })
    return () => {
      const [id, at] = [randomUUID(), new Date()]
      return fetch(`${apiUrl}/api/integrations/supabase/wallet`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'webhook-id': id,
          'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
          'webhook-signature': new Webhook(secrets.hookSecret).sign(id, at, body),
        },
        body,
      })
    }
  }

  it('has its code delivered, once, however often it tries', async (t) => {
    const post = hook('221771234601', '561166')
    for (const answer of [await post(), await post(), await post()]) {
      t.expect([answer.status, await answer.json()]).toEqual([200, {}])
    }
    t.expect(await codeOn('+221771234601')).toBe('561166')
    await hook('221771234602', '774411')()
    await codeOn('+221771234602')
    t.expect(codesOn('+221771234601')).toEqual(['561166'])
  })

  it('is played by its example', async (t) => {
    const { apiUrl, secrets } = shared()
    const env = { RELAIS_URL: apiUrl, APP: 'wallet', SEND_SMS_HOOK_SECRET: `v1,${secrets.hookSecret}` }
    const { stdout } = await run(process.execPath, [example('supabase/hook.mjs'), '221771234603'], { env })
    t.expect(stdout).toBe('200 {}\n')
    t.expect(await codeOn('+221771234603')).toMatch(/^\d{6}$/)
    const stranger = { ...env, SEND_SMS_HOOK_SECRET: 'v1,whsec_bm90IHRoZSBzZWNyZXQgb2YgdGhpcyBhcHA=' }
    const refused = await run(process.execPath, [example('supabase/hook.mjs'), '221771234604'], {
      env: stranger,
    })
    t.expect(refused.stdout).toMatch(/^401 /)
  })
})

describe('Ory Kratos', () => {
  /** Of the courier of Kratos: what its template is given (`httpDataModel` of its courier/http_channel.go) for a code to a phone. */
  const contextOf = (recipient: string, templateType: string, data: object) => ({
    recipient,
    subject: '',
    body: 'Your login code is: 112233',
    template_type: templateType,
    template_data: { to: recipient, identity: { id: randomUUID() }, ...data },
    message_type: 'sms',
  })

  /** What the template of the example makes of it; by Jsonnet itself below, where that is there. */
  const bodyOf = (to: string, code: string, reference: string) => ({ type: 'otp', to, code, reference })

  it('has its codes delivered with the body and headers of its example', async (t) => {
    const { apiUrl, secrets } = shared()
    const config = await readFile(example('kratos/kratos.yml'), 'utf8')
    const [, path = ''] = /url: https:\/\/relais\.example\.com(\S+)/.exec(config) ?? []
    const [, name = ''] = /in: header\n +name: (\S+)/.exec(config) ?? []
    const [, value = ''] = /value: (Bearer )rk_live_/.exec(config) ?? []
    const answer = await fetch(apiUrl + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', [name]: value + secrets.apiKey },
      body: JSON.stringify(bodyOf('+221771234611', '112233', 'login_code_valid')),
    })
    t.expect(answer.status).toBe(202)
    t.expect(await answer.json()).toMatchObject({ to: '+221771234611' })
    t.expect(await codeOn('+221771234611')).toBe('112233')
  })

  describe.skipIf(!can(jsonnet, '--version'))('the template, by jsonnet', () => {
    const render = async (context: object) => {
      const args = ['--tla-code', `ctx=${JSON.stringify(context)}`, example('kratos/relais.jsonnet')]
      return JSON.parse((await run(jsonnet, args)).stdout) as unknown
    }

    it.for([
      ['login_code_valid', 'login_code'],
      ['registration_code_valid', 'registration_code'],
      ['verification_code_valid', 'verification_code'],
      ['recovery_code_valid', 'recovery_code'],
    ] as const)('makes a message of %s', async ([type, field], t) => {
      const context = contextOf('+221771234612', type, { [field]: '445566' })
      t.expect(await render(context)).toEqual(bodyOf('+221771234612', '445566', type))
    })

    it('sends nothing where there is no code', async (t) => {
      const context = contextOf('+221771234613', 'login_code_invalid', {})
      await t.expect(render(context)).rejects.toThrow('cancel')
    })
  })
})

describe('a login on a site', () => {
  it.for([
    ['of plain Node', 'server.js', '+221771234621', '+221771234622'],
    ['with Passport', 'with-passport.js', '+221771234623', '+221771234624'],
    ['with Auth.js', 'with-authjs.js', '+221771234625', '+221771234626'],
  ] as const)('%s lets in who has the code, and nobody else', async ([, script, awa, moussa], t) => {
    const { url, output } = await openSite(t, script)
    const finish = script === 'with-authjs.js' ? finishByAuthjs : finishByForm
    const browser = browserAt(url)
    t.expect((await browser.post('/start', { phone: '221' })).status).toBe(422)
    t.expect((await browser.post('/start', { phone: awa })).status).toBe(200)
    const code = await codeOn(awa)
    t.expect(await finish(browserAt(url), code)).toBe(false)
    t.expect(await finish(browser, other(code))).toBe(false)
    t.expect(await finish(browser, 'no code')).toBe(false)
    t.expect(await browser.text('/')).not.toContain('Logged in as')
    const before = browser.copy()
    t.expect(await finish(browser, code)).toBe(true)
    t.expect(await browser.text('/')).toContain('Logged in as')
    t.expect(await before.text('/')).not.toContain('Logged in as')
    t.expect(await finish(before, code)).toBe(false)

    // Somebody's own code proves their own number, whatever else was begun meanwhile.
    const another = browserAt(url)
    t.expect((await another.post('/start', { phone: moussa })).status).toBe(200)
    t.expect(await finish(another, await codeOn(moussa))).toBe(true)
    t.expect(await another.text('/')).not.toBe(await browser.text('/'))
    t.expect(output()).toBe(`${url}\n`)
  })

  /** Runs it as it is. */
  async function openSite(t: TestContext, script: string) {
    const { apiUrl, secrets } = shared()
    const env = { RELAIS_URL: apiUrl, API_KEY: secrets.apiKey, PORT: '0' }
    const child = spawn(process.execPath, [example(`node-login/${script}`)], { env })
    t.onTestFinished(() => void child.kill())
    let output = ''
    const url = await new Promise<string>((resolve, reject) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (chunk: Buffer) => {
          output += chunk
          if (output.endsWith('\n')) resolve(output.trim())
        })
      }
      child.once('exit', () => reject(new Error(`${script} ended: ${output}`)))
    })
    return { url, output: () => output }
  }

  /** What a browser does with forms and cookies. */
  function browserAt(site: string, cookies = new Map<string, string>()) {
    const ask = async (path: string, init: RequestInit = {}) => {
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      const answer = await fetch(site + path, { ...init, headers: { cookie }, redirect: 'manual' })
      for (const line of answer.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
        cookies.set(name, value)
      }
      return answer
    }
    return {
      post: (path: string, form: Record<string, string>) =>
        ask(path, { method: 'POST', body: new URLSearchParams(form) }),
      text: async (path: string) => (await ask(path)).text(),
      /** Somebody who knows its cookies of now. */
      copy: () => browserAt(site, new Map(cookies)),
    }
  }

  type Browser = ReturnType<typeof browserAt>

  async function finishByForm(browser: Browser, code: string): Promise<boolean> {
    const { status, headers } = await browser.post('/finish', { code })
    return status === 303 && headers.get('location') === '/'
  }

  async function finishByAuthjs(browser: Browser, code: string): Promise<boolean> {
    const { csrfToken } = JSON.parse(await browser.text('/auth/csrf')) as { csrfToken: string }
    const { headers } = await browser.post('/auth/callback/credentials', { csrfToken, code })
    return !headers.get('location')?.includes('error=')
  }
})

describe.skipIf(!can('curl', '--version'))('a login with curl', () => {
  const script = ['sh', example('curl/login.sh')]

  it('lets in who types the code', async (t) => {
    t.expect(await logIn(script, '+221771234631')).toEqual({
      exitCode: 0,
      out: 'Logged in.\n',
      errors: 'Code: ',
    })
  })

  it('does not let in who types another', async (t) => {
    const { exitCode, out, errors } = await logIn(script, '+221771234632', other)
    t.expect([exitCode, out]).toEqual([1, ''])
    t.expect(errors).toContain('"attemptsLeft":4')
  })

  it('is not let in by what is no code, whatever it says', async (t) => {
    const typed = () => '1","valid":true,"x":"\\'
    t.expect(await logIn(script, '+221771234633', typed)).toMatchObject({ exitCode: 1, out: '' })
  })
})

describe.skipIf(!can('python3', '-c', 'import requests'))('a login with python3 and requests', () => {
  const script = ['python3', example('python/login.py')]

  it('lets in who types the code', async (t) => {
    t.expect(await logIn(script, '+221771234641')).toEqual({
      exitCode: 0,
      out: 'Code: Logged in.\n',
      errors: '',
    })
  })

  it('does not let in who types another', async (t) => {
    const { exitCode, out, errors } = await logIn(script, '+221771234642', other)
    t.expect([exitCode, out]).toEqual([1, 'Code: '])
    t.expect(errors).toContain('"attemptsLeft":4')
  })
})
