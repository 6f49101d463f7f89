/**
 * A message that is sent again because an operator wants it: the same code, for as long as it would have lived, under an id of its own. The
 * other may be at Meta still, so it stays what it is; both know of each other.
 *
 * Once for each message. The mark comes first and the copy after it: two operators at the same moment find the same mark, and whoever comes after one
 * who died in between makes the copy that is missing. Either way there is one.
 */
import type { Result } from 'ioredis'
import type { Keys } from './keys.ts'
import type { Message } from './message.ts'
import type { RedisClient } from './redis.ts'
import { timelineParts } from './timeline.ts'

/** So much life it must have left: a code that dies on the way helps nobody. */
export const RESEND_LIFE_MS = 30_000

/** From which states: Meta took it and nothing was heard, or nobody will send it. */
const RESENT_FROM = ['sent', 'fallback'] as const

/**
 * KEYS  1 record · 2 sealed content
 * ARGV  1 the id of the copy, should this be the first to ask · 2 now (ms) · 3 what the timeline says
 * Returns { id of the copy, 1 if it was marked just now } · { '', 0 } if it cannot be sent again.
 */
const MARK = `
local known = redis.call('HMGET', KEYS[1], 'status', 'resentAs', 'usedAt', 'isTest', 'expiresAt', 'acceptedAt', 'timeline')
if known[2] then return { known[2], 0 } end
local status = known[1]
local letter = status == 'sent' and 't' or status == 'fallback' and 'f'
if not letter or known[3] or known[4] or redis.call('EXISTS', KEYS[2]) == 0 then return { '', 0 } end
if tonumber(ARGV[2]) + ${RESEND_LIFE_MS} > tonumber(known[5]) then return { '', 0 } end
local line = string.format('%s\\n%s%.0f%s', known[7], letter, ARGV[2] - known[6], ARGV[3])
redis.call('HSET', KEYS[1], 'resentAs', ARGV[1], 'timeline', line)
return { ARGV[1], 1 }
`

declare module 'ioredis' {
  interface RedisCommander<Context> {
    relaisMarkResent(
      record: string,
      content: string,
      copyId: string,
      now: number,
      said: string,
    ): Result<[copyId: string, isNew: number], Context>
  }
}

/** @param options.now the clock of messages, in milliseconds since 1970 */
export function createResends(options: { redis: RedisClient; keys: Keys; now?: () => number }) {
  const { redis, keys, now = Date.now } = options
  redis.defineCommand('relaisMarkResent', { numberOfKeys: 2, lua: MARK })

  return {
    /**
     * Notes that a message is sent again. Once: who comes second is told of the copy that was decided on first, which may not be there yet.
     *
     * @param copyId the id that the copy gets, if this is the first to ask
     * @returns the id of the copy; undefined when the message cannot be sent again (any more)
     */
    async mark(id: string, copyId: string): Promise<{ copyId: string; isNew: boolean } | undefined> {
      const [, said] = timelineParts({ status: 'sent', detail: `sent again as ${copyId}` })
      const names = [keys.message(id), keys.content(id)] as const
      const [marked, isNew] = await redis.relaisMarkResent(...names, copyId, now(), said)
      return marked === '' ? undefined : { copyId: marked, isNew: isNew === 1 }
    },
  }
}

export type Resends = ReturnType<typeof createResends>

/**
 * Why a message cannot be sent again, and what to do instead; undefined if it can. Pure.
 *
 * @param situation.content what it says: there, gone, or sealed so that Relais cannot read it
 */
export function whyNotResent(
  message: Message,
  situation: { content: 'here' | 'gone' | 'unreadable'; now: number },
): string | undefined {
  const { status, resentAs, usedAt, expiresAt } = message
  const { content, now } = situation
  if (message.isTest) return 'It came with a test key: no phone waits for it.'
  if (resentAs !== undefined) return `It was sent again before: see ${resentAs}.`
  if (usedAt !== undefined) return 'Its code was used: nobody needs it any more.'
  if (!(RESENT_FROM as readonly string[]).includes(status)) return whyNotFrom(status)
  if (now + RESEND_LIFE_MS > expiresAt) {
    const left = now >= expiresAt ? 'Its deadline has passed' : 'It has less than 30 s left'
    return `${left}: have the app send a new code.`
  }
  switch (content) {
    case 'here':
      return undefined
    case 'gone':
      return (
        'Relais does not have any more what it says: it has no code, or the code was sealed to the public keys of the operators. Read the ' +
        'code from the fallback record with `fallback open`, or have the app send a new one.'
      )
    case 'unreadable':
      return 'It is sealed under a key that is not in ENCRYPTION_KEYS any more: have the app send a new code.'
  }
}

function whyNotFrom(status: Message['status']): string {
  switch (status) {
    case 'queued':
    case 'sending':
    case 'uncertain':
      return `It is still on its way (${status}): it reaches the phone or the fallback by itself.`
    case 'delivered':
    case 'read':
      return `The phone has it (${status}): ask the person to look into WhatsApp.`
    case 'canceled':
    case 'used':
    case 'expired':
    case 'sent':
    case 'fallback':
      return `It is over (${status}): have the app send a new code.`
  }
}

/** Why a message cannot be taken back; undefined if it can. Pure. */
export function whyNotCanceled({ status }: Pick<Message, 'status'>): string | undefined {
  switch (status) {
    case 'queued':
      return undefined
    case 'sending':
    case 'uncertain':
    case 'sent':
    case 'delivered':
    case 'read':
      return `It is ${status}: WhatsApp has it, or may have it. Have the app tell that its code was used, to stop what may follow.`
    case 'canceled':
      return 'It was taken back before.'
    case 'fallback':
    case 'expired':
    case 'used':
      return `It has ended before: it is ${status}.`
  }
}
