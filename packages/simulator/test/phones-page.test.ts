import { expect, onTestFinished, test } from 'vitest'
import { codeFor, eventually, online, setup } from './setup.ts'

/** `phones` shows everything, `message` one new or changed message. */
type ServerEvent = { name: string; shown: { number: string; status: string }[] }

test('the page and its files are served under a strict policy', async () => {
  const { simulator } = await setup()
  for (const [path, type] of [
    ['/', 'text/html'],
    ['/page.css', 'text/css'],
    ['/page.js', 'text/javascript'],
    ['/icon.svg', 'image/svg+xml'],
  ] as const) {
    const response = await fetch(simulator.graphUrl + path)
    expect([response.status, response.headers.get('content-type')]).toEqual([
      200,
      expect.stringContaining(type),
    ])
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(await response.text()).not.toMatch(/<script>|style="|onclick=|innerHTML/)
  }
})

test('a viewer sees what is there, then each message with its ticks as they come', async () => {
  const { simulator, send } = await setup()
  await send(codeFor('+33612340026', '111111'))
  await eventually(
    () => simulator.messages()[0]?.statuses.length,
    (count) => count === 1,
  )
  const events = await watch(simulator.graphUrl)
  const [first] = await eventually(
    () => events,
    ({ length }) => length > 0,
  )
  expect(first).toMatchObject({
    name: 'phones',
    shown: [{ number: '+33 612 340 026', status: 'failed', failure: '131026 Message Undeliverable' }],
  })
  await send(codeFor(online, '482913'))
  await eventually(
    () => events.at(-1)?.shown[0]?.status,
    (status) => status === 'read',
  )
  expect(events.slice(1).map(({ shown }) => shown[0]?.status)).toEqual([
    'accepted',
    'sent',
    'delivered',
    'read',
  ])
  expect(events.at(-1)?.shown[0]).toMatchObject({
    business: 'Relais',
    code: '482913',
    copyLabel: 'Copier le code',
    footer: 'Ce code expire dans 5 minutes.',
    profile: 'online',
  })
})

test('delivered wins over a later failure of a second device', async () => {
  const { simulator, send } = await setup()
  await send(codeFor('+221771230004'))
  await eventually(
    () => simulator.messages()[0]?.statuses.length,
    (count) => count === 3,
  )
  const events = await watch(simulator.graphUrl)
  await eventually(
    () => events,
    ({ length }) => length > 0,
  )
  expect(events[0]?.shown).toMatchObject([{ status: 'delivered' }])
})

test('a viewer keeps at most 24 phones, the newest', async () => {
  const { simulator, send } = await setup({ throughputPerSecond: 0 })
  for (let phone = 0; phone < 30; phone += 1) await send(codeFor(`+2217712340${phone + 10}`))
  const events = await watch(simulator.graphUrl)
  await eventually(
    () => events,
    ({ length }) => length > 0,
  )
  expect(events[0]?.shown).toHaveLength(24)
  expect(events[0]?.shown.at(-1)?.number).toBe('+221 771 234 039')
})

test('an open viewer does not hold up closing', async () => {
  const { simulator } = await setup()
  const events = await watch(simulator.graphUrl)
  await eventually(
    () => events,
    ({ length }) => length > 0,
  )
  await simulator.close()
  await expect(fetch(simulator.graphUrl)).rejects.toThrow()
})

/** Reads the stream of a viewer into an array that grows. */
async function watch(graphUrl: string): Promise<ServerEvent[]> {
  const leave = new AbortController()
  onTestFinished(() => leave.abort())
  const response = await fetch(`${graphUrl}/phones/events`, { signal: leave.signal })
  const events: ServerEvent[] = []
  void read(response, events).catch(() => {
    // The viewer left or the simulator closed: there is nothing more to read.
  })
  return events
}

async function read(response: Response, events: ServerEvent[]): Promise<void> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true })
    const blocks = text.split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const name = /^event: (.+)$/m.exec(block)?.[1]
      const data = /^data: (.+)$/m.exec(block)?.[1]
      if (name !== undefined && data !== undefined) events.push({ name, shown: [JSON.parse(data)].flat() })
    }
  }
}
