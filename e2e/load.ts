/** A steady stream of codes from one app, and what became of each. Knows only what the API answered and what Meta received. */
import { eventually } from '@relais/testing'
import { recipients, takenBy, type ShownMessage, type System } from './system.ts'

/** One POST. Times in milliseconds since 1970; `id` if it was accepted, status 0 if there was no answer. */
export type Try = { id?: string; status: number; askedAt: number; answeredAt: number }

export type Ending = Try & {
  id: string
  /** As the API tells it in the end, or `unknown` if it has never heard of it. */
  end: string
  timeline: ShownMessage['timeline']
  /** When Meta took it, each time. */
  takenAt: number[]
}

const ENDS = ['delivered', 'read', 'fallback', 'expired', 'canceled', 'used']

/**
 * Posts codes at a steady rate until `stop`, each to a recipient of its own, and never twice.
 *
 * @param everyone to whom, in this order
 */
export function startLoad(system: System, perSecond: number, everyone = recipients(20_000)) {
  const tries: Try[] = []
  const asked: Promise<void>[] = []
  const startedAt = Date.now()
  const timer = setInterval(() => {
    const due = Math.floor(((Date.now() - startedAt) * perSecond) / 1000)
    while (asked.length < due) asked.push(post(everyone[asked.length] ?? ''))
  }, 10)

  async function post(to: string): Promise<void> {
    const askedAt = Date.now()
    const answer = await system.post({ to, type: 'otp', code: '482913' }).catch(() => undefined)
    const answeredAt = Date.now()
    const { id } = answer?.status === 202 ? ((await answer.json()) as { id: string }) : {}
    tries.push({ status: answer?.status ?? 0, askedAt, answeredAt, ...(id && { id }) })
  }

  return {
    tries: (): readonly Try[] => tries,

    /** Waits for the acceptance of something that was asked for after this moment. */
    accepted: (after: number) =>
      eventually(
        () => tries.find(({ id, askedAt }) => id && askedAt > after),
        (found) => found !== undefined,
        { timeoutMs: 30_000, what: 'an API that accepts again' },
      ) as Promise<Try>,

    /** Waits for so many acceptances more. */
    more: async (count: number) => {
      const already = tries.filter(({ id }) => id).length
      await eventually(
        () => tries.filter(({ id }) => id).length - already,
        (further) => further >= count,
        { timeoutMs: 30_000, what: `${count} more acceptances` },
      )
    },

    async stop(): Promise<void> {
      clearInterval(timer)
      await Promise.all(asked)
    },
  }
}

/** The last four digits of twenty people: most are reachable, and the simulator does to the others what it does to such numbers. */
const CROWD = {
  online: ['1111', '1112', '1113', '1114', '1115', '1116', '1117', '1118', '1119', '1120', '1121', '1122'],
  'receipts off': ['0002', '0002'],
  'phone off': ['0001', '0001'],
  'no WhatsApp': ['0026', '0026', '0026'],
  'not on the list': ['0030'],
}

/** So many people as they are: of twenty twelve are reachable, two have receipts off, two their phone, and four cannot be reached. */
export function crowd(count: number): string[] {
  const endings = Object.values(CROWD).flat()
  return Array.from({ length: count }, (_, i) => {
    const [middle, ending] = [Math.floor(i / endings.length), endings[(i * 7) % endings.length]]
    return `+22177${100 + middle}${ending}`
  })
}

/** Waits for the end of all that was accepted, and tells it. */
export async function endings(system: System, tries: readonly Try[], timeoutMs = 90_000): Promise<Ending[]> {
  const open = new Map(tries.flatMap((each) => (each.id ? [[each.id, each] as const] : [])))
  const shown = new Map<string, ShownMessage | 'unknown'>()
  await eventually(
    async () => {
      for (const id of open.keys()) {
        const message = await look(system, id)
        if (!message) continue
        open.delete(id)
        shown.set(id, message)
      }
      return [...open.keys()]
    },
    ({ length }) => length === 0,
    { timeoutMs, everyMs: 200, what: 'an end of each message' },
  )
  return tries.flatMap(({ id, ...each }) => {
    const message = id && shown.get(id)
    if (!id || !message) return []
    const { status: end, timeline } = message === 'unknown' ? { status: message, timeline: [] } : message
    const takenAt = takenBy(system.simulator, id).map(({ acceptedAt }) => acceptedAt)
    return [{ ...each, id, end, timeline, takenAt }]
  })
}

/** The message, once it has an end or nobody knows it. */
async function look(system: System, id: string): Promise<ShownMessage | 'unknown' | undefined> {
  const answer = await system.call('GET', `/api/messages/${id}`, system.secrets.apiKey).catch(() => undefined)
  if (answer?.status === 404) return 'unknown'
  if (answer?.status !== 200) return undefined
  const message = (await answer.json()) as ShownMessage
  return ENDS.includes(message.status) ? message : undefined
}
