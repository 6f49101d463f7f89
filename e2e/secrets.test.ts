/**
 * One run through every path, faults included, then a search for its secrets in all that was written anywhere: what processes print, files,
 * Redis and its append-only file, answers, pages, metrics.
 */
import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually, freePort, startRedis, type RedisServer } from '@relais/testing'
import { Redis } from 'ioredis'
import { it } from 'vitest'
import { runTool } from './operator-tool.ts'
import { isUp, startSystem, type System } from './system.ts'

/** Everything Redis holds, as text: keys and values of every kind. */
async function dump(url: string): Promise<string> {
  const redis = new Redis(url)
  try {
    const parts: string[] = []
    for (const key of await redis.keys('*')) {
      // What expires meanwhile is gone, and with it what it held.
      const bytes = (await redis.dumpBuffer(key)) as Buffer | null
      parts.push(key, bytes?.toString('latin1') ?? '', JSON.stringify(await valueOf(redis, key)))
    }
    return parts.join('\n')
  } finally {
    redis.disconnect()
  }
}

async function valueOf(redis: Redis, key: string): Promise<unknown> {
  switch (await redis.type(key)) {
    case 'string':
      return redis.get(key)
    case 'hash':
      return redis.hgetall(key)
    case 'list':
      return redis.lrange(key, 0, -1)
    case 'set':
      return redis.smembers(key)
    case 'zset':
      return redis.zrange(key, '0', '-1')
    default:
      return redis.xrange(key, '-', '+')
  }
}

/** What was written where, and what may be nowhere but in fallback records. */
type Run = {
  system: System
  redis: RedisServer
  /** Every answer of the API, with what was asked; but for those that give a code to whom it is due. */
  answers: string[]
  codes: string[]
  /** Of every kind but codes. */
  others: string[]
  /** What the operators' tool printed, but for the keys it made. */
  printed: string[]
}

const ORIGIN = '+22177123'

/** One more code that is unlike anything else. */
function newCode(run: Run): string {
  const code = `Zq${run.codes.length}x${randomBytes(3).toString('hex')}Kv`
  run.codes.push(code)
  return code
}

/** Asks the API, and keeps the answer: headers and body. @param init.isEcho it gives the asker what they have a right to, or said themselves */
async function ask(run: Run, path: string, init: RequestInit & { isEcho?: boolean } = {}) {
  const { isEcho, ...rest } = init
  const answer = await fetch(run.system.apiUrl + path, { signal: AbortSignal.timeout(20_000), ...rest })
  const text = await answer.text()
  const headers = JSON.stringify([...answer.headers])
  if (!isEcho)
    run.answers.push(`${rest.method ?? 'GET'} ${path.split('?')[0]} ${answer.status} ${headers} ${text}`)
  return { status: answer.status, text }
}

function as(key: string, body?: unknown, more: Record<string, string> = {}): RequestInit {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return {
    ...(body !== undefined && { method: 'POST', body: text }),
    headers: {
      authorization: `Bearer ${key}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...more,
    },
  }
}

/** Runs the operators' tool beside the system. */
async function tool(run: Run, ...args: string[]): Promise<string> {
  const { env, secrets, apiUrl } = run.system
  const { output, errors } = await runTool(args, {
    ...env,
    RELAIS_URL: apiUrl,
    RELAIS_OPS_KEY: secrets.opsKey,
  })
  run.printed.push(errors)
  return output
}

/** Makes a key; it is shown this once. */
async function makeKey(run: Run, ...args: string[]): Promise<string> {
  const { key } = JSON.parse(await tool(run, 'keys', 'create', ...args, '--json')) as { key: string }
  run.others.push(key, key.split('_').at(-2) ?? key)
  return key
}

/** Every way in which a message can go. */
async function sendEverything(run: Run): Promise<void> {
  const { system } = run
  const { apiKey } = system.secrets
  const codeOf = new Map<string, string>()
  const send = async (ending: string) => {
    const code = newCode(run)
    const id = await system.send(ORIGIN + ending, code)
    codeOf.set(id, code)
    return id
  }
  const delivered = await send('4567')
  await system.reaches(delivered, ['delivered'])
  const fallen = await Promise.all(['0026', '0030', '0100', '0500'].map(send))
  for (const id of fallen) await system.reaches(id, ['fallback'])
  for (const path of ['', '?limit=1']) await ask(run, `/api/fallback${path}`, as(system.secrets.opsKey))
  for (const id of [...fallen.slice(1), delivered, 'msg_none']) {
    // Who types the code into the reason has it cut out.
    const body = as(system.secrets.opsKey, { reason: `they say ${codeOf.get(id)}` })
    for (const isEcho of [true, false]) await ask(run, `/api/fallback/${id}/reveal`, { ...body, isEcho })
  }
  for (const id of [...fallen, delivered, 'msg_none']) await askAsOperator(run, id)
  await system.tells(await send('0998'), 'ECONNRESET')
  await system.tells(await send('0056'), '131056')

  const message = (ending = '4570') => ({ to: ORIGIN + ending, type: 'otp', code: newCode(run) })
  const idempotent = { 'idempotency-key': 'secrets-1' }
  const first = message()
  for (const body of [first, first, message()]) await ask(run, '/api/messages', as(apiKey, body, idempotent))
  const batch = { messages: [message('4571'), message('0026'), { ...message(), to: 'nobody' }, newCode(run)] }
  await ask(run, '/api/messages/batch', as(apiKey, batch))
  const texts = { to: `${ORIGIN}4572`, type: 'text', text: `your code is ${newCode(run)}` }
  await ask(run, '/api/messages', as(apiKey, texts))
  for (const how of ['used', '']) {
    const { text } = await ask(run, '/api/messages', as(apiKey, message('4573')))
    const path = `/api/messages/${(JSON.parse(text) as { id: string }).id}`
    if (how === 'used') await ask(run, `${path}/used`, as(apiKey, {}))
    else await ask(run, path, { ...as(apiKey), method: 'DELETE' })
    await ask(run, path, as(apiKey))
  }
}

/** What an operator does with a message, as data and on the pages. */
async function askAsOperator(run: Run, id: string): Promise<void> {
  const { opsKey } = run.system.secrets
  const find = '/api/admin/messages/search'
  for (const body of [{ to: `${ORIGIN}0026` }, { id }, { reference: newCode(run) }, { to: newCode(run) }])
    await ask(run, find, as(opsKey, body))
  const authorization = `Basic ${btoa(`awa:${opsKey}`)}`
  for (const what of ['', '/cancel', '/resend']) {
    await ask(run, `/api/admin/messages/${id}${what}`, what ? as(opsKey, {}) : as(opsKey))
    await ask(run, `/admin/messages/${id}${what}`, {
      method: what ? 'POST' : 'GET',
      headers: { authorization, 'sec-fetch-site': 'same-origin' },
      redirect: 'manual',
    })
  }
  for (const [by, text] of [
    ['to', `${ORIGIN}0026`],
    ['reference', newCode(run)],
    ['providerMessageId', newCode(run)],
  ] as const) {
    await ask(run, '/admin/messages', {
      method: 'POST',
      headers: { authorization, 'sec-fetch-site': 'same-origin' },
      body: new URLSearchParams({ by, text }),
    })
  }
}

/** Codes that Relais makes, found out as their recipients do; right, wrong, sent again, and by the operators. */
async function verifyEverything(run: Run): Promise<void> {
  const { system, redis } = run
  const { apiKey } = system.secrets
  const admin = new Redis(redis.url)
  const verify = async (ending: string) => {
    const body = { to: ORIGIN + ending, length: 10 }
    const { text } = await ask(run, '/api/verifications', as(apiKey, body))
    const { id, messageId } = JSON.parse(text) as { id: string; messageId: string }
    return { path: `/api/verifications/${id}`, id, messageId }
  }
  const codeOf = (messageId: string) =>
    eventually(
      () => system.simulator.messages().find(({ callbackData }) => callbackData === messageId)?.code ?? '',
      (code) => code !== '',
    )
  const [right, wrong, silent] = [await verify('4575'), await verify('4576'), await verify('0001')]
  for (const { path, id, messageId } of [right, wrong, silent]) {
    const code = await codeOf(messageId)
    const guess = String((Number(code) + 1) % 1e10).padStart(10, '0')
    run.codes.push(code, guess)
    await ask(run, `${path}/check`, as(apiKey, { code: guess }, { 'idempotency-key': 'guess' }))
    await ask(run, `${path}/check`, as(apiKey, { code: `${code}0` }))
    await admin.hset(`${system.env.QUEUE_PREFIX}:verification:${id}`, 'resendAt', 0)
    await ask(run, `${path}/resend`, as(apiKey, id === silent.id ? { via: 'fallback' } : {}))
    await ask(run, path, as(apiKey))
    if (id !== wrong.id) await ask(run, `${path}/check`, as(apiKey, { code }))
    else for (let i = 0; i < 5; i += 1) await ask(run, `${path}/check`, as(apiKey, { code: guess }))
    await ask(run, path, as(apiKey))
  }
  admin.disconnect()
}

/** Requests that are wrong in every way there is, with secrets where they do not belong. */
async function askWrongly(run: Run): Promise<void> {
  const { apiKey, opsKey, verifyToken, appSecret, accessToken } = run.system.secrets
  const code = newCode(run)
  const good = { to: `${ORIGIN}4574`, type: 'otp', code }
  const bodies = [
    { ...good, to: code },
    { ...good, code: [code] },
    { ...good, type: code },
    { ...good, code: `${code}!` },
    { ...good, template: code, language: code, reference: `${code}\n` },
    `{"code":"${code}"`,
    `{"code":"${code}","code":"${code}"}`,
    `{"__proto__":{"code":"${code}"}}`,
    JSON.stringify({ code }).repeat(10_000),
    `"${code}"`,
  ]
  for (const body of bodies) {
    await ask(run, '/api/messages', as(apiKey, body))
    await ask(run, '/api/messages/batch', as(apiKey, body))
    await ask(run, '/api/messages', as(apiKey, body, { 'content-type': `text/${code}` }))
    await ask(run, '/api/wallet/update-whatsapp-token', as(opsKey, body))
  }
  // The name of a field, and a path, are told to who made them up.
  await ask(run, '/api/messages', { ...as(apiKey, { ...good, [code]: code }), isEcho: true })
  await ask(run, `/api/messages/${code}`, { ...as(apiKey), isEcho: true })
  await ask(run, '/api/messages', as(apiKey, good, { 'idempotency-key': `${code} ${code}` }))
  const wrong = `rk_live_${randomBytes(20).toString('hex')}`
  run.others.push(wrong)
  for (const authorization of [
    `Bearer ${wrong}`,
    `Bearer ${opsKey} ${wrong}`,
    `Basic ${btoa(`awa:${wrong}`)}`,
    wrong,
  ]) {
    for (const path of ['/api/messages', '/api/wallet/whatsapp-status', '/admin/queues', '/nowhere'])
      await ask(run, path, { headers: { authorization } })
  }
  await ask(run, '/api/wallet/whatsapp-status', as(apiKey))
  const webhook = '/api/webhooks/whatsapp'
  const verify = `${webhook}?hub.mode=subscribe&hub.challenge=1&hub.verify_token=`
  await ask(run, verify + verifyToken)
  await ask(run, `${verify}${verifyToken}x`)
  for (const signature of [`sha256=${'0'.repeat(64)}`, appSecret, accessToken])
    await ask(run, webhook, {
      method: 'POST',
      body: JSON.stringify(good),
      headers: { 'content-type': 'application/json', 'x-hub-signature-256': signature },
    })
}

/** What operators do. */
async function operate(run: Run): Promise<void> {
  const { opsKey, appSecret } = run.system.secrets
  const update = (body: object) => ask(run, '/api/wallet/update-whatsapp-token', as(opsKey, body))
  await ask(run, '/api/wallet/refresh-whatsapp-token', as(opsKey, {}))
  const [token, secret] = ['EAAcandidate77', 'candidateSecret77']
  run.others.push(token, secret)
  await update({ accessToken: token, appSecret: secret })
  await update({ accessToken: token })
  await update({ accessToken: `${token} ${secret}` })
  await update({ accessToken: run.system.secrets.accessToken, appSecret })
  await ask(run, '/api/wallet/whatsapp-status', as(opsKey))

  await makeKey(run, 'shop', '--mode', 'team', '--recipients', '+221771234567')
  const test = await makeKey(run, 'shop', '--mode', 'test')
  for (const ending of ['0026', '0998', '4567'])
    await ask(run, '/api/messages', as(test, { to: ORIGIN + ending, type: 'otp', code: newCode(run) }))
  const operator = await makeKey(run, 'moussa', '--operator', '--scopes', 'status:read')
  await ask(run, '/api/wallet/whatsapp-status', as(operator))
  await ask(run, '/api/fallback', as(operator))
  await tool(run, 'keys', 'revoke', operator.split('_')[1] ?? '')
  await ask(run, '/api/wallet/whatsapp-status', as(operator))

  const commands = [
    ['keys', 'list'],
    ['audit', 'list', '--json'],
    ['status'],
    ['doctor', '--json'],
    ['fallback', 'list'],
    ['message', 'search', '--to', `${ORIGIN}0026`],
    ['reseal'],
  ]
  for (const command of commands) run.printed.push(await tool(run, ...command))
}

/** Redis is frozen, killed and comes back; Meta does not take the token; a worker is killed; processes fail from inside. */
async function breakThings(run: Run): Promise<void> {
  const { system, redis } = run
  const post = (key = system.secrets.apiKey) =>
    ask(run, '/api/messages', as(key, { to: `${ORIGIN}4575`, type: 'otp', code: newCode(run) }))
  const works = () =>
    eventually(post, ({ status }) => status === 202, { timeoutMs: 20_000, everyMs: 200, what: 'a 202' })
  await redis.freeze()
  await eventually(post, ({ status }) => status === 503, { everyMs: 50, what: 'a 503' })
  await redis.thaw()
  await works()
  await redis.kill()
  await eventually(post, ({ status }) => status === 503, { everyMs: 50, what: 'a 503' })
  await redis.restart()
  await works()

  const held = await system.send(`${ORIGIN}0999`, newCode(run))
  await eventually(
    () => system.simulator.calls(),
    (calls) => calls.some(({ callbackData }) => callbackData === held),
  )
  for (const worker of system.workers) await worker.kill()
  const worker = system.startApp('worker', {}, { canBeTroubled: true })
  await isUp(worker)
  const secret = newCode(run)
  worker.bring({ kind: 'unhandledRejection', secret })
  await worker.exited
  await isUp(system.startApp('worker'))

  // These two pause the template and the sender for a while.
  for (const ending of ['0130', '0368'])
    await system.reaches(await system.send(ORIGIN + ending, newCode(run)), ['fallback'])
  system.revokeTokens()
  await system.send(`${ORIGIN}4576`, newCode(run))
  await eventually(
    () => system.operate('GET', '/api/wallet/whatsapp-status'),
    ({ body }) => (body['token'] as { state: string }).state === 'invalid',
    { what: 'a status that knows of it' },
  )
}

/** Everything that can be read in a browser or scraped. */
async function readPages(run: Run, metricsPorts: readonly number[]): Promise<string[]> {
  const { system } = run
  const basic = { authorization: `Basic ${btoa(`awa:${system.secrets.opsKey}`)}` }
  const pages = ['/openapi.json', '/docs/', '/docs/json', '/docs/yaml', '/admin/queues', '/livez', '/readyz']
  for (const page of pages) await ask(run, page, { headers: basic })
  for (const queue of ['messages', 'fallback', 'receipts', 'access-token', 'callbacks'])
    for (const status of ['latest', 'completed', 'failed', 'delayed', 'prioritized']) {
      const path = `/admin/queues/api/queues?activeQueue=${queue}&status=${status}&page=1&jobsPerPage=100`
      const { text } = await ask(run, path, { headers: basic })
      const { queues = [] } = JSON.parse(text) as { queues?: { name: string; jobs: { id: string }[] }[] }
      for (const { id } of queues.find(({ name }) => name === queue)?.jobs ?? []) {
        const job = `/admin/queues/api/queues/${queue}/${encodeURIComponent(id)}`
        await ask(run, job, { headers: basic })
        await ask(run, `${job}/logs`, { headers: basic })
      }
    }
  return Promise.all(
    metricsPorts.map(async (port) => (await fetch(`http://127.0.0.1:${port}/metrics`)).text()),
  )
}

it('secrets are nowhere but in fallback records, whatever goes wrong', { timeout: 300_000 }, async (t) => {
  const { expect } = t
  const folder = await mkdtemp(join(tmpdir(), 'relais-secrets-'))
  t.onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const redis = await startRedis({ persistent: true, dir: folder })
  t.onTestFinished(() => redis.stop())
  const fallbackLog = join(folder, 'fallback.log')
  const metricsPort = await freePort()
  const system = await startSystem(t, {
    redisUrl: redis.url,
    env: { LOG_LEVEL: 'trace', FALLBACK_LOG: fallbackLog, BOARD_WRITES: 'on' },
  })
  await isUp(system.startApp('api', { PORT: '0', METRICS_PORT: String(metricsPort) }))
  const others = Object.values(system.secrets)
  const run: Run = { system, redis, answers: [], codes: [], others, printed: [] }
  await sendEverything(run)
  await verifyEverything(run)
  await askWrongly(run)
  await operate(run)
  // Three were not signed: said once, with where they came from.
  expect(system.events('webhook.refused')).toMatchObject([{ address: '127.0.0.1', refused: 1 }])
  const metrics = await readPages(run, [metricsPort])
  await breakThings(run)

  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((each) =>
    each.isFile(),
  )
  const disk = await Promise.all(
    files
      .filter(({ name }) => name !== 'fallback.log')
      .map((file) => readFile(join(file.parentPath, file.name), 'latin1')),
  )
  const places = {
    'what processes print': system.output(),
    Redis: [await dump(redis.url)],
    'the files of Redis': disk,
    answers: run.answers,
    metrics,
    "what the operators' tool prints": run.printed,
  }
  const secrets = [...run.codes, ...run.others]
  for (const [place, texts] of Object.entries(places)) {
    expect(texts.join('').length, place).toBeGreaterThan(1000)
    for (const secret of secrets) {
      const found = texts.filter((text) => text.includes(secret)).map((text) => around(text, secret))
      expect(found, `${place}: ${secret}`).toEqual([])
    }
  }
  // Whole numbers are in records, and in the answers to whom they belong; not in what is printed, scraped or shown on the board.
  const board = run.answers.filter((answer) => answer.startsWith('GET /admin'))
  expect(board.join('')).toContain('msg_')
  for (const text of [...system.output(), ...metrics, ...run.printed, ...board])
    expect(text).not.toMatch(/221771234567|221771230026/)

  // The search can fail: codes that fell back are found where they belong, and nothing else is there.
  const log = await readFile(fallbackLog, 'utf8')
  expect(run.codes.filter((code) => log.includes(code)).length).toBeGreaterThan(4)
  for (const secret of run.others) expect(log).not.toContain(secret)
  for (const line of log.trim().split('\n'))
    expect(JSON.parse(line)).toMatchObject({ event: 'message.fallback' })
})

/** Where it was found, to be read. */
function around(text: string, secret: string): string {
  const at = text.indexOf(secret)
  return text.slice(Math.max(0, at - 200), at + 100)
}
