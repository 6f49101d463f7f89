/** The load: apps that send messages at an even rate, whatever becomes of those before, and remember what they were told. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from './client.ts'
import { createDraw } from './random.ts'
import type { Accepted, AppEnd } from './records.ts'
import { recipientOf, TROUBLED_PROFILES } from './recipients.ts'

/** A client that has not been told "accepted" by then gives up. */
const GIVE_UP_MS = 30_000

/** Of all messages: to numbers on which something is wrong, short-lived, ended by their app. */
const SHARES = { troubled: 0.05, shortLived: 0.03, canceled: 0.03, used: 0.03, text: 0.06, template: 0.04 }

/** One message as its app means to send it. */
export type Draft = {
  to: string
  content: string
  body: Record<string, unknown>
  /** What is wrong with the recipient's phone, by the name the simulator has for it. */
  profile?: string
  /** What the app does with it a moment after it is accepted. */
  end?: { as: AppEnd; afterMs: number }
}

/** Depends on the seed and the number of the message only. */
export function draftOf(seed: number, index: number): Draft {
  const draw = createDraw(seed, 'message', index)
  const to = recipientOf(index)
  const profile = draw.next() < SHARES.troubled ? draw.pick(TROUBLED_PROFILES) : undefined
  const digits = String(draw.below(1_000_000)).padStart(6, '0')
  const kind = draw.next()
  const life = draw.next() < SHARES.shortLived ? { ttlSeconds: 30 + draw.below(30) } : {}
  const fate = draw.next()
  const end: Draft['end'] =
    fate < SHARES.canceled
      ? { as: 'canceled', afterMs: draw.below(500) }
      : fate < SHARES.canceled + SHARES.used
        ? { as: 'used', afterMs: 500 + draw.below(5000) }
        : undefined
  const more = { ...(profile && { profile }), ...(end && { end }) }
  if (kind < SHARES.text) {
    const content = `T${digits}-${index}`
    return { to, content, body: { to, ...life, type: 'text', text: `Bonjour, ${content}.` }, ...more }
  }
  if (kind < SHARES.text + SHARES.template) {
    const content = `C${digits}-${index}`
    const body = { to, ...life, type: 'template', template: 'order_update', parameters: [content] }
    return { to, content, body, ...more }
  }
  return { to, content: digits, body: { to, ...life, type: 'otp', code: digits }, ...more }
}

/** @param deps.setPhone told what is wrong with a recipient's phone, before anything is sent there */
export function createLoad(deps: {
  client: Client
  seed: number
  ratePerSecond: number
  setPhone: (to: string, profile: string) => void
}) {
  const { client, seed, ratePerSecond } = deps
  const accepted: Accepted[] = []
  const refused: string[] = []
  let started = 0

  return {
    accepted: (): readonly Accepted[] => accepted,
    refused: (): readonly string[] => refused,
    started: () => started,

    /** Starts messages for so long; resolves when the last of them has been answered or given up, and ended by its app. */
    async run(forMs: number, stopping: AbortSignal): Promise<void> {
      const lives: Promise<void>[] = []
      const startedAt = performance.now()
      for (let ms = 0; ms < forMs && !stopping.aborted; ms = performance.now() - startedAt) {
        const due = Math.ceil((Math.min(ms, forMs) / 1000) * ratePerSecond)
        for (; started < due; started += 1) lives.push(live(draftOf(seed, started), `${seed}-${started}`))
        await sleep(10)
      }
      await Promise.all(lives)
    },
  }

  async function live({ to, content, body, profile, end }: Draft, key: string): Promise<void> {
    if (profile) deps.setPhone(to, profile)
    const answer = await client.call({
      method: 'POST',
      path: '/api/messages',
      body,
      headers: { 'idempotency-key': key },
      expected: [202],
      giveUpAfterMs: GIVE_UP_MS,
    })
    if (!answer) return void refused.push(to)
    const { id, expiresAt } = answer.body as { id: string; expiresAt: string }
    const message: Accepted = { id, to, content, at: Date.now(), expiresAt: Date.parse(expiresAt) }
    accepted.push(message)
    if (!end) return
    await sleep(end.afterMs)
    await endByApp(message, end.as)
  }

  /** A 409 tells that it was too late: then the message ends otherwise. */
  async function endByApp(message: Accepted, as: AppEnd): Promise<void> {
    const path = `/api/messages/${message.id}`
    message.mayHaveEnded = as
    const answer = await client.call({
      ...(as === 'canceled' ? { method: 'DELETE', path } : { method: 'POST', path: `${path}/used` }),
      expected: [200, 409],
      giveUpAfterMs: GIVE_UP_MS,
    })
    if (!answer) return
    delete message.mayHaveEnded
    if (answer.statusCode === 200) message.ended = { as, at: Date.now() }
  }
}
