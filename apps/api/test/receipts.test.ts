/** What a webhook does where no worker is at work. */
import { createHmac, randomUUID } from 'node:crypto'
import { openQueue, type Message, type ReceiptsJob } from '@relais/core'
import { eventually, openLink, sharedRedisUrl, type Link } from '@relais/testing'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { apiFixture, APP_SECRET } from './api-fixture.ts'

type Update = { id: string; status: string; biz_opaque_callback_data?: string; errors?: object[] }

const wamid = (id: string) => `wamid.of-${id}`
const about = (id: string, status: string): Update => ({
  id: wamid(id),
  status,
  biz_opaque_callback_data: id,
})

function setup({ inject, inside, prefix, metrics, logged }: ReturnType<typeof apiFixture>) {
  const { store, redis } = inside()
  const queue = openQueue<ReceiptsJob>('receipts', { redis, prefix, onError: () => undefined })
  onTestFinished(() => queue.close())

  return {
    store,

    /** Messages that Meta has taken. */
    async sent(count: number): Promise<string[]> {
      const ids = Array.from({ length: count }, () => `msg_${randomUUID()}`)
      await Promise.all(
        ids.map(async (id) => {
          const acceptedAt = Date.now()
          const message: Message = {
            id,
            app: 'wallet',
            type: 'otp',
            to: '+221771234567',
            status: 'queued',
            attempts: 0,
            claims: 0,
            waits: 0,
            acceptedAt,
            expiresAt: acceptedAt + 300_000,
            timeline: [{ status: 'queued', at: acceptedAt }],
          }
          await store.create(message, 'sealed')
          await store.move(id, { to: 'sending' })
          await store.move(id, { to: 'sent', set: { providerMessageId: wamid(id) } })
        }),
      )
      return ids
    },

    /** Posts a signed webhook; the answer's status. */
    async tell(updates: Update[], others: object[] = []): Promise<number> {
      const timestamp = String(Math.floor(Date.now() / 1000))
      const statuses = updates.map((update) => ({ ...update, timestamp }))
      const changes = [{ field: 'messages', value: { statuses } }, ...others]
      const payload = JSON.stringify({ object: 'whatsapp_business_account', entry: [{ changes }] })
      const signature = createHmac('sha256', APP_SECRET).update(payload).digest('hex')
      const headers = { 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${signature}` }
      const url = '/api/webhooks/whatsapp'
      return (await inject({ method: 'POST', url, headers, payload })).statusCode
    },

    /** What is left to a worker. */
    jobs: async () => (await queue.getJobs()).map(({ data }) => data),

    arrived: async () =>
      Number(/messages_ended_total\{end="delivered",reason=""\} (\d+)/.exec(await metrics())?.[1] ?? 0),

    receiptsLogged: (id: string) =>
      logged()
        .split('\n')
        .filter((line) => line.includes('"message.receipt"') && line.includes(id))
        .map((line) => JSON.parse(line) as object),
  }
}

describe('a webhook', () => {
  const fixture = apiFixture()

  it('has moved its messages when it is answered, and nothing is left to a worker', async () => {
    const { sent, tell, jobs, store, arrived, receiptsLogged } = setup(fixture)
    const [id = ''] = await sent(1)
    const before = await arrived()
    expect(await tell([about(id, 'sent')])).toBe(200)
    expect(await tell([about(id, 'delivered')])).toBe(200)
    expect(await store.read(id)).toMatchObject({ status: 'delivered' })
    expect(await tell([about(id, 'delivered'), about(id, 'read')])).toBe(200)
    expect(await store.read(id)).toMatchObject({ status: 'read', providerMessageId: wamid(id) })
    expect(await jobs()).toEqual([])
    expect(await arrived()).toBe(before + 1)
    expect(await fixture.metrics()).toMatch(/acceptance_to_delivered_seconds_count [1-9]/)
    expect(receiptsLogged(id)).toMatchObject([
      { event: 'message.receipt', status: 'sent', isNews: false, app: 'wallet', to: '…4567' },
      { status: 'delivered', isNews: true },
      { status: 'delivered', isNews: false },
      { status: 'read', isNews: true },
    ])
  })

  it('of a thousand updates moves a thousand messages', async () => {
    const { sent, tell, jobs, store, arrived } = setup(fixture)
    const ids = await sent(500)
    const before = await arrived()
    expect(await tell([...ids, ...ids.toReversed()].map((id) => about(id, 'delivered')))).toBe(200)
    const statuses = await Promise.all(ids.map(async (id) => (await store.read(id))?.status))
    expect(new Set(statuses)).toEqual(new Set(['delivered']))
    expect(await arrived()).toBe(before + ids.length)
    expect(await jobs()).toEqual([])
  })

  it('leaves to a worker what is not that simple, in one job', async () => {
    const { sent, tell, jobs, store } = setup(fixture)
    const [failed = '', nameless = '', simple = ''] = await sent(3)
    const template = {
      field: 'message_template_status_update',
      value: { event: 'PAUSED', message_template_name: 'otp_login', message_template_language: 'fr' },
    }
    const errors = [{ code: 131026, title: 'Message undeliverable' }]
    const updates: Update[] = [
      { ...about(failed, 'failed'), errors },
      { id: wamid(nameless), status: 'delivered' },
      about('msg_none', 'delivered'),
      about(simple, 'delivered'),
    ]
    expect(await tell(updates, [template])).toBe(200)
    expect(await store.read(simple)).toMatchObject({ status: 'delivered' })
    for (const id of [failed, nameless]) expect(await store.read(id)).toMatchObject({ status: 'sent' })
    expect(await jobs()).toMatchObject([
      {
        receipts: [
          { messageId: failed, status: 'failed', graphCode: 131026 },
          { providerMessageId: wamid(nameless), status: 'delivered' },
          { messageId: 'msg_none', status: 'delivered' },
        ],
        notices: [{ kind: 'template', event: 'PAUSED' }],
        looks: 0,
      },
    ])
  })
})

describe('a webhook, on a link to Redis', () => {
  let link: Link
  const env: Record<string, string> = {}
  beforeAll(async () => {
    const url = new URL(sharedRedisUrl())
    link = await openLink(Number(url.port))
    url.host = `127.0.0.1:${link.port}`
    env['REDIS_URL'] = url.href
  })
  afterAll(() => link.close())
  const fixture = apiFixture(env)

  it('of one update costs one command, and one more a second', async () => {
    const { sent, tell } = setup(fixture)
    const ids = await sent(20)
    let said = ''
    link.watch((bytes) => {
      said += bytes.toString('latin1')
      return 'pass'
    })
    const startedAt = performance.now()
    for (const id of ids) expect(await tell([about(id, 'delivered')])).toBe(200)
    const seconds = (performance.now() - startedAt) / 1000
    link.watch(undefined)
    const commands = said.split(/^\*/m)
    // What looks at all of them, or reads when the last one came, is the watch for alerts.
    const aboutThem = commands.filter((command) => ids.filter((id) => command.includes(id)).length === 1)
    const notes = commands.filter((command) => /^\d+\r\n\$3\r\nset\r\n.*:last-receipt/is.test(command))
    expect(aboutThem).toHaveLength(ids.length)
    expect(notes.length).toBeGreaterThanOrEqual(1)
    expect(notes.length).toBeLessThanOrEqual(1 + seconds)
    expect(commands.filter((command) => command.includes(':receipts:'))).toEqual([])
  })

  it('that Redis did not take to its end is answered 503, and the next time it comes all is done once', async () => {
    const { sent, tell, store, arrived, jobs } = setup(fixture)
    const ids = await sent(900)
    const before = await arrived()
    const updates = ids.map((id) => about(id, 'delivered'))
    link.watch((bytes) => {
      if (!bytes.includes(ids[600] ?? '')) return 'pass'
      link.cut()
      return 'stop here'
    })
    expect(await tell(updates)).toBe(503)
    const read = () => Promise.all(ids.map((id) => store.read(id)))
    const statuses = (await read()).map((message) => message?.status)
    expect(new Set(statuses)).toEqual(new Set(['delivered', 'sent']))
    link.watch(undefined)
    link.restore()
    const again = () => tell(updates)
    expect(await eventually(again, (status) => status !== 503, { what: 'an API that has Redis' })).toBe(200)
    for (const message of await read()) {
      expect(message?.timeline.filter(({ status }) => status === 'delivered')).toHaveLength(1)
    }
    expect(await arrived()).toBeLessThanOrEqual(before + ids.length)
    expect(await jobs()).toEqual([])
  })
})
