/**
 * Twelve cases of a night, each caused for real: the status page names the cause and what to do, and so does the page of a message that
 * suffers from it. `docs/runbook.md` lists them.
 */
import { eventually, startRedis } from '@relais/testing'
import { Redis } from 'ioredis'
import { describe, expect, it, type TestContext } from 'vitest'
import { isUp, recipients, startSystem, type System, type SystemOptions } from './system.ts'

const MAX_MEMORY_MB = 20

/** What a page has to say, in its own words. */
type Told = { cause: RegExp; remedy: RegExp }

/** A page as its reader sees it, without a script. */
async function words({ apiUrl, secrets }: System, path: string): Promise<string> {
  const authorization = `Basic ${Buffer.from(`awa:${secrets.opsKey}`).toString('base64')}`
  const answer = await fetch(apiUrl + path, { headers: { authorization } })
  const text = (await answer.text()).replaceAll(/<[^>]*>/g, ' ')
  return text.replaceAll('&#39;', "'").replaceAll(/\s+/g, ' ')
}

async function tells(system: System, path: string, { cause, remedy }: Told): Promise<void> {
  const text = await eventually(
    () => words(system, path),
    (page) => cause.test(page) && remedy.test(page),
    { timeoutMs: 60_000, everyMs: 300, what: `${path} that says ${cause} and ${remedy}` },
  )
  expect(text).toMatch(cause)
  expect(text).toMatch(remedy)
}

const statusTells = (system: System, told: Told) => tells(system, '/admin', told)
const messageTells = (system: System, id: string, told: Told) => tells(system, `/admin/messages/${id}`, told)

const start = (t: TestContext, options: SystemOptions = {}) =>
  startSystem(t, { ...options, env: { DELIVER_WITHIN_SECONDS: '6', ...options.env } })

describe.concurrent('named on the status page and on the page of the message:', { timeout: 180_000 }, () => {
  it('1: a dead token', async (t) => {
    const system = await start(t)
    system.revokeTokens()
    const id = await system.send('+221771234567', '482913')
    await statusTells(system, {
      cause: /access token is dead: it was revoked/,
      remedy: /Get a new token for a system user/,
    })
    await system.reaches(id, ['fallback'], 60_000)
    await messageTells(system, id, { cause: /no living access token/, remedy: /bring a new (one|token)/i })
  })

  it('2: the wrong app', async (t) => {
    const system = await start(t, { env: { WHATSAPP_APP_ID: '999999999999999' } })
    await statusTells(system, {
      cause: /does not tell about it with our app id and secret/,
      remedy: /WHATSAPP_APP_ID and WHATSAPP_APP_SECRET must be those of the app/,
    })
    // The app is removed by its people: then the token is as good as dead.
    system.simulator.deauthoriseApp()
    const id = await system.send('+221771234567', '482913')
    await system.reaches(id, ['fallback'], 60_000)
    await statusTells(system, { cause: /190.*has not authorized application/, remedy: /Get a new token/ })
    await messageTells(system, id, {
      cause: /no living access token|190/,
      remedy: /bring a new (one|token)/i,
    })
  })

  it('3: a paused template', async (t) => {
    const system = await start(t)
    const [template] = system.simulator.templates.all()
    system.simulator.templates.update(template?.id ?? '', { status: 'PAUSED' })
    const id = await system.send('+221771234567', '482913')
    await system.reaches(id, ['fallback'])
    await statusTells(system, {
      // By a webhook, or by the refusal of this very message: whichever came first.
      cause: /template otp_login fr cannot be used: .*(the template is PAUSED|132015)/,
      remedy: /Look at it in WhatsApp Manager/,
    })
    await messageTells(system, id, {
      cause: /the template is PAUSED|132015/,
      remedy: /in WhatsApp Manager/,
    })
  })

  it('4, 5, 6: a phone that is off, a number without WhatsApp, and the pair limit', async (t) => {
    const system = await start(t)
    const [off, without, limited] = await Promise.all([
      system.send('+221771230001', '1111'),
      system.send('+221771230026', '2222'),
      system.send('+221771230056', '3333'),
    ])
    for (const id of [off, without, limited]) await system.reaches(id, ['fallback'], 60_000)
    await statusTells(system, {
      cause: /undelivered.*the phone did not get it in time: it is off/,
      remedy: /Reach the person another way/,
    })
    await messageTells(system, off, {
      cause: /the phone did not get it in time: it is off/,
      remedy: /Reach the person another way/,
    })
    await statusTells(system, {
      cause: /recipient_unreachable.*there is no WhatsApp on it/,
      remedy: /131026/,
    })
    await messageTells(system, without, { cause: /no WhatsApp/, remedy: /Reach the person another way/ })
    await statusTells(system, {
      cause: /Some recipient gets too many messages.*131056/,
      remedy: /RECIPIENT_COOLDOWN_SECONDS/,
    })
    await messageTells(system, limited, { cause: /131056/, remedy: /RECIPIENT_COOLDOWN_SECONDS/ })
  })

  it('7: the limit of the sender', async (t) => {
    const system = await start(t, { env: { SEND_RATE_PER_SECOND: '20' } })
    const id = await system.send('+221771230429', '482913')
    await statusTells(system, {
      cause: /Meta has this sender slow down.*130429/,
      remedy: /lower SEND_RATE_PER_SECOND/,
    })
    await system.reaches(id, ['fallback'], 60_000)
    await messageTells(system, id, { cause: /130429/, remedy: /higher throughput from Meta|slows down/ })
  })

  it('8: a blocked account', async (t) => {
    const system = await start(t)
    system.simulator.account.update({ business: { standing: 'locked' } })
    const id = await system.send('+221771234567', '482913')
    await system.reaches(id, ['fallback'])
    await statusTells(system, {
      cause: /Meta does not let this account or number send.*(DISABLED_UPDATE|131031)/,
      remedy: /See what Meta wants in WhatsApp Manager/,
    })
    await messageTells(system, id, {
      // By its webhook, or by the refusal of this very message: whichever came first.
      cause: /Meta says of the account: DISABLED_UPDATE|131031/,
      remedy: /WhatsApp Manager/,
    })
  })

  it('9: a full Redis', async (t) => {
    const redis = await startRedis({ args: ['--maxmemory', `${MAX_MEMORY_MB}mb`] })
    t.onTestFinished(() => redis.stop())
    const system = await start(t, { redisUrl: redis.url, workers: 0 })
    const first = await system.send('+221771234567', '482913', { ttlSeconds: 900 })
    const admin = new Redis(redis.url)
    t.onTestFinished(async () => admin.disconnect())
    const used = async () => Number(/^used_memory:(\d+)/m.exec(await admin.info('memory'))?.[1])
    for (let i = 0; (await used()) < 0.85 * MAX_MEMORY_MB * 1024 * 1024; i += 1)
      await admin.set(`filler:${i}`, 'x'.repeat(100_000))
    await eventually(
      () => system.post({ to: '+221771234568', type: 'otp', code: '482913' }),
      ({ status }) => status === 503,
      { timeoutMs: 60_000, what: 'an API that takes no more' },
    )
    await statusTells(system, {
      cause: /Redis is \d+ % full: no message is accepted any more/,
      remedy: /Raise maxmemory of Redis/,
    })
    await messageTells(system, first, { cause: /queued/, remedy: /worker/ })
  })

  it('10: a dead worker', async (t) => {
    const system = await start(t, { env: { OTP_TTL_SECONDS: '30' } })
    const [worker] = system.workers
    await system.reaches(await system.send('+221771234567', '1111'), ['delivered'])
    await worker?.kill()
    const id = await system.send('+221771234568', '482913')
    await statusTells(system, {
      cause: /No worker is alive.*The last one was heard of/,
      remedy: /Start a worker/,
    })
    await messageTells(system, id, { cause: /No worker is alive/, remedy: /Start a worker/ })
    await isUp(system.startApp('worker'))
    await eventually(
      () => words(system, '/admin'),
      (page) => !/No worker is alive/.test(page),
      { what: 'a page on which a worker lives' },
    )
  })

  it('11: receipts that are not set up right', async (t) => {
    const system = await start(t)
    system.simulator.changeAppSecret('another-secret-0123456789abcdef')
    const ids = await Promise.all(recipients(4).map((to) => system.send(to, '482913')))
    for (const id of ids) await system.reaches(id, ['fallback'], 60_000)
    await statusTells(system, {
      cause: /Webhooks arrive, but are not signed with our app secret/,
      remedy: /WHATSAPP_APP_SECRET is not the secret/,
    })
    await messageTells(system, ids[0] ?? '', {
      cause: /undelivered/,
      remedy: /whether receipts arrive at all/,
    })
  })

  it('12: a slow Meta', async (t) => {
    // No receipt tells of the send before its answer does.
    const system = await start(t, { withReceipts: false })
    system.simulator.injectFaults([{ kind: 'stall', ms: 2500, accepted: true, on: 'any', forSeconds: 600 }])
    const id = await system.send('+221771234567', '482913')
    await statusTells(system, {
      cause: /Meta is slow: it takes \d\.\d s to answer/,
      remedy: /metastatus\.com/,
    })
    await system.reaches(id, ['sent'], 60_000)
    await messageTells(system, id, {
      cause: /call to Meta: 2\.\d s.*|Meta is slow/,
      remedy: /metastatus\.com/,
    })
  })
})
