/**
 * Takes messages in: one step of Redis writes the record, draws its place in the order, and puts the job on the queue, all or nothing. So
 * there is no moment at which a message has a record and no job, and nothing is waited for in between.
 *
 * How a job is added is BullMQ's own business: its script is part of ours, word for word.
 *
 * Messages that come at the same moment go together: see `grouped.ts`.
 */
import { QueueKeys } from 'bullmq'
import { addPrioritizedJob } from 'bullmq/dist/cjs/scripts/addPrioritizedJob-9.js'
import type { Result } from 'ioredis'
import { birthOf, OPEN_BIRTHS, type Birth } from './birth.ts'
import { FLOW_STEPS, OPEN_TAGS, RESTART_AT } from './fairness.ts'
import { createGrouped, type Late } from './grouped.ts'
import type { Keys } from './keys.ts'
import { createIndexWriter } from './message-index.ts'
import { readPairs } from './message-record.ts'
import type { Message } from './message.ts'
import type { RedisClient } from './redis.ts'
import type { EncryptionKey } from './sealer.ts'
import { jobTrace } from './tracing.ts'
import type { VerificationBirth } from './verification/verification.ts'

/** The keys of the queue that BullMQ's script takes, in its order. */
const JOB_KEYS = ['marker', 'meta', 'id', 'prioritized', 'delayed', 'completed', 'active', 'events', 'pc']

/** The largest group of messages: large ones are cheap. While one is on its way, and the next behind it, what comes makes the one after. */
const GROUP = { most: 100, inFlight: 2 }

/**
 * KEYS  1 timers · 2 unsettled, by app · 3 tags · 4 to 12 those of the queue · then for each message: its record, its content, its job,
 *       and the entry of its request (or the record again, when there is none) · then, for each message that begins a verification, in order:
 *       record and sealed code of that
 * ARGV  1 JSON: for each message, in order, a `Comer` · 2 what the keys of the queue begin with
 * Returns for each 1; or 0 when its request was not let in with it; or, when there was a record already, which then stays as it is, its
 * fields and values. Should that one still wait to be sent, and have no job, it gets one.
 *
 * A job has no options but its priority, and its trace where there is one (`tm`, as BullMQ writes it). So its hash is small enough for Redis to keep it in one piece.
 */
const ACCEPT = `
local function addJob(KEYS, ARGV)
${addPrioritizedJob.content}
end
${OPEN_BIRTHS}
${OPEN_TAGS}
local function isLetIn(entry, seed, index)
  local known = redis.call('HMGET', entry, 'seed', 'limited', 'withdrawer')
  return known[1] == seed and not known[3] and not string.find(',' .. known[2], ',' .. index .. ':', 1, true)
end
local bear, keepBirths = openBirths(KEYS[1], KEYS[2])
local drawPriority, keepTags = openTags(KEYS[3], ${RESTART_AT})
local queue = { unpack(KEYS, 4, 12) }
local answers = {}
local comers = cjson.decode(ARGV[1])
local lastKey = #comers * 4 + 12
for i, comer in ipairs(comers) do
  local record, content, job, entry = unpack(KEYS, i * 4 + 9, i * 4 + 12)
  local verification, code = KEYS[lastKey + 1], KEYS[lastKey + 2]
  if comer.verification then lastKey = lastKey + 2 end
  if comer.seed and not isLetIn(entry, comer.seed, comer.index) then
    answers[i] = 0
  else
    local isToBeAdded = bear(record, content, comer)
    answers[i] = 1
    if isToBeAdded and comer.verification then
      redis.call('HSET', verification, unpack(comer.verification.fields))
      redis.call('PEXPIREAT', verification, comer.verification.keptUntil)
      redis.call('SET', code, comer.verification.sealedCode, 'PXAT', comer.verification.expiresAt)
    end
    if not isToBeAdded then
      answers[i] = redis.call('HGETALL', record)
      local known = redis.call('HMGET', record, 'status', 'reason')
      isToBeAdded = known[1] == 'queued' and not known[2] and redis.call('EXISTS', job) == 0
    end
    if isToBeAdded then
      local about = cmsgpack.pack({ ARGV[2], comer.id, 'deliver', comer.askedAt })
      local options = cmsgpack.pack({ priority = drawPriority(comer.flow, comer.step), tm = comer.jobTrace })
      addJob(queue, { about, '{"messageId":"' .. comer.id .. '"}', options })
    end
  end
end
keepTags()
keepBirths()
return answers
`

declare module 'ioredis' {
  interface RedisCommander<Context> {
    relaisAccept(numberOfKeys: number, ...args: (string | number)[]): Result<(0 | 1 | string[])[], Context>
  }
}

/** A message that wants to be taken in, as ACCEPT reads it. */
type Comer = Birth & {
  /** Whose turn it waits for, and what it costs there: see `fairness.ts`. */
  flow: string
  step: number
  /** Milliseconds since 1970. */
  askedAt: number
  /** What its job says of its trace. */
  jobTrace?: string
  /** Only if its request was let in as this, and this message of it. */
  seed?: string
  index?: number
  /** The verification that begins with it. */
  verification?: VerificationBirth
}

/** A message of a request that is at the door at this moment. `entry`: the key under which `admission.ts` notes it. */
export type AtTheDoor = { entry: string; seed: string; index: number }

type Asking = {
  message: Message
  sealedContent: string
  late: Late | undefined
  atTheDoor: AtTheDoor | undefined
  verification: VerificationBirth | undefined
}

/** `earlier`: a message of this id was there before, and is what counts. */
export type Accepted = { kind: 'new' | 'earlier'; message: Message } | { kind: 'not-let-in' }

/**
 * @param options.prefix that of the queue: see `openQueue`
 * @param options.deliverWithinMs as for `createMessageStore`
 */
export function createAcceptance(options: {
  redis: RedisClient
  keys: Keys
  prefix: string
  encryptionKeys: readonly EncryptionKey[]
  deliverWithinMs?: number | undefined
}) {
  const { redis, keys, prefix, deliverWithinMs } = options
  const births = { deliverWithinMs, writer: createIndexWriter(options) }
  const queue = new QueueKeys(prefix).getKeys('messages')
  const jobPrefix = queue[''] ?? ''
  const shared = [
    keys.timers(),
    keys.unsettled(),
    keys.fairness(),
    ...JOB_KEYS.map((name) => queue[name] ?? ''),
  ]
  redis.defineCommand('relaisAccept', { lua: ACCEPT })
  const ask = createGrouped({ call: acceptAll, lateOf: ({ late }: Asking) => late, ...GROUP })

  return {
    /**
     * Takes a message in. May be asked again for the same id, also when nobody knows what became of the first time.
     *
     * @param how.late once it is aborted the message is not told to Redis any more, and this rejects
     * @param how.verification begins with it, in the same step, if the message is new
     * @param how.atTheDoor taken in only if, by the time that Redis does it, its request was let in with it
     */
    accept: (
      message: Message,
      sealedContent: string,
      how: {
        late?: Late
        atTheDoor?: AtTheDoor | undefined
        verification?: VerificationBirth | undefined
      } = {},
    ): Promise<Accepted> => {
      const { late, atTheDoor, verification } = how
      return ask({ message, sealedContent, late, atTheDoor, verification })
    },
  }

  async function acceptAll(askings: Asking[]): Promise<Accepted[]> {
    const comers = askings.map(comerOf)
    const names = askings.flatMap(({ message: { id }, atTheDoor }) => {
      const record = keys.message(id)
      return [record, keys.content(id), jobPrefix + id, atTheDoor?.entry ?? record]
    })
    for (const { verification } of askings) {
      if (verification) names.push(keys.verification(verification.id), keys.verificationCode(verification.id))
    }
    const answers = await redis.relaisAccept(
      shared.length + names.length,
      ...shared,
      ...names,
      JSON.stringify(comers),
      jobPrefix,
    )
    return askings.map(({ message }, i) => readAnswer(message, answers[i]))
  }

  function comerOf({ message, sealedContent, atTheDoor, verification }: Asking): Comer {
    const { app, type, acceptedAt, trace } = message
    return {
      ...birthOf(message, sealedContent, births),
      flow: `${type}:${app}`,
      step: FLOW_STEPS[type],
      askedAt: acceptedAt,
      ...(trace !== undefined && { jobTrace: jobTrace(trace) }),
      ...(atTheDoor && { seed: atTheDoor.seed, index: atTheDoor.index }),
      ...(verification && { verification }),
    }
  }
}

export type Acceptance = ReturnType<typeof createAcceptance>

function readAnswer(message: Message, answer: 0 | 1 | string[] | undefined): Accepted {
  if (answer === 1) return { kind: 'new', message }
  if (answer === 0) return { kind: 'not-let-in' }
  const earlier = readPairs(message.id, answer ?? [])
  if (!earlier) throw new Error('a record that is there cannot be read')
  return { kind: 'earlier', message: earlier }
}
