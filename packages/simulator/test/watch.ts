import type { Panel } from '../src/page/panel.ts'
import type { ShownMessage, ShownPhone } from '../src/page/phones.ts'
import { eventually } from './setup.ts'

type ServerEvent =
  | { readonly name: 'phones'; readonly data: ShownPhone[] }
  | { readonly name: 'phone'; readonly data: ShownPhone }
  | { readonly name: 'panel'; readonly data: ReturnType<Panel['now']> }

/** An open phones page, as far as its stream and its actions go. */
export async function watch(graphUrl: string) {
  const leave = new AbortController()
  const response = await fetch(`${graphUrl}/phones/events`, { signal: leave.signal })
  const events: ServerEvent[] = []
  void read(response, events).catch(() => {
    // The viewer left or the simulator closed: there is nothing more to read.
  })
  await eventually(
    () => events.length,
    (length) => length >= 2,
  )

  /** The newest phone last, as the events tell. */
  function phones(): ShownPhone[] {
    const shown = new Map<string, ShownPhone>()
    for (const event of events) {
      if (event.name === 'phones') shown.clear()
      const told = event.name === 'phones' ? event.data : event.name === 'phone' ? [event.data] : []
      for (const phone of told) {
        shown.delete(phone.number)
        shown.set(phone.number, phone)
      }
    }
    return [...shown.values()]
  }

  const phone = () => phones().at(-1)
  return {
    phones,
    phone,
    /** The newest message of the phone that changed last. */
    newest: () => phone()?.entries.findLast((entry): entry is ShownMessage => entry.kind === 'message'),
    panel: () => events.findLast((event) => event.name === 'panel')?.data,
    all: () => events,
    /** What a click on the page does; strings are sent as they are. */
    async post(path: string, body: unknown): Promise<[number, unknown]> {
      const answer = await fetch(`${graphUrl}/phones/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', origin: graphUrl },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      })
      return [answer.status, await answer.json()]
    },
    close: () => leave.abort(),
  }
}

export type Page = Awaited<ReturnType<typeof watch>>

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
      if (name !== undefined && data !== undefined)
        events.push({ name, data: JSON.parse(data) } as ServerEvent)
    }
  }
}
