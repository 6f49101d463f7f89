/** After load and faults: every message gets the time to end. */
import { setTimeout as sleep } from 'node:timers/promises'
import { unsettled } from './audit.ts'
import type { Client } from './client.ts'
import type { Records, Shown } from './records.ts'

const LOOK_EVERY_MS = 1000

/** While it settles, the API is asked about so many of those that are left. */
const MOST_QUESTIONS = 100
const ASK_EVERY_MS = 3000
const ASK_FOR_MS = 20_000

/**
 * Waits until all have ended, or until nothing can end any more. Those whose deadline passed only the API can tell of.
 *
 * @param run.drain brings the records up to date
 * @param run.patienceMs counted from the last message that was accepted
 */
export async function settle(run: {
  records: () => Records
  drain: () => Promise<void>
  client: Client
  patienceMs: number
}): Promise<void> {
  const { records, drain, client, patienceMs } = run
  const lastAt = records().accepted.reduce((latest, { at }) => Math.max(latest, at), Date.now())
  const until = lastAt + patienceMs
  const endedByApi = new Set<string>()
  for (let askAt = Date.now() + ASK_EVERY_MS; Date.now() < until; await sleep(LOOK_EVERY_MS)) {
    await drain()
    const open = unsettled(records()).filter(({ id }) => !endedByApi.has(id))
    if (open.length === 0) return
    if (Date.now() < askAt) continue
    askAt = Date.now() + ASK_EVERY_MS
    const some = open.slice(0, MOST_QUESTIONS)
    const told = await ask(
      client,
      some.map(({ id }) => id),
    )
    for (const { id, mayHaveEnded } of some) {
      const status = told.get(id)?.status
      if (status === 'expired' || (status !== undefined && status === mayHaveEnded)) endedByApi.add(id)
    }
  }
}

/** What the API says of these messages, some at a time. */
export async function ask(client: Client, ids: readonly string[]): Promise<Map<string, Shown | undefined>> {
  const told = new Map<string, Shown | undefined>()
  const waiting = [...ids]
  const lane = async () => {
    for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
      const path = `/api/messages/${id}`
      const answer = await client.call({ method: 'GET', path, expected: [200], giveUpAfterMs: ASK_FOR_MS })
      told.set(id, answer?.body as Shown | undefined)
    }
  }
  await Promise.all(Array.from({ length: 10 }, lane))
  return told
}
