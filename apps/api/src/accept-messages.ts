/**
 * Use case: take a request of an app, one message or many. When this answers, the messages are in Redis and will reach an end.
 *
 *     numbers, countries ─► door (made before? limits?) ─► room? ─► records and jobs ─► replicas ─► answer
 *
 * Each step can be made again without harm, because the ids of the messages come from the request: a record is written once, a
 * job is added once. So a repeat does what is missing, should the first have died half-way, and answers from the records.
 *
 * Redis is waited for once: where there is room, a request with an idempotency key goes to the door and its messages right behind it.
 */
import {
  messageIdOf,
  isTest,
  newSeed,
  sealContent,
  type Acceptance,
  type Admission,
  type AppCaller,
  type AdmissionRequest,
  type Events,
  type Late,
  type Message,
  type MessageStore,
  type MoveResult,
  type Refusal,
  type Replication,
  type Sealer,
  type Traceparent,
  type Tracing,
  type VerificationBirth,
} from '@relais/core'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Capacity } from './capacity.ts'
import { isDraft, requireCountry, toDraft, type Draft } from './draft.ts'
import { limitedBy } from './limited-by.ts'
import { contentOf, newMessage, type MessageDefaults, type MessageRequest } from './new-message.ts'
import { ProblemError, queueUnavailable } from './problem.ts'
import { inParts, within } from './within.ts'

/** What an app hands over at once. */
export type Submission = {
  caller: AppCaller
  /** In the order of the body: a message, or the problem with what is there instead. */
  requests: readonly (MessageRequest | ProblemError)[]
  idempotency?: AdmissionRequest['idempotency']
  /** Its name in the log. `isGiven`: by the caller; then its messages carry it. */
  requestId?: { id: string; isGiven: boolean }
  /** The span of the request, where it is traced. */
  trace?: Traceparent | undefined
  /** What the ids of the messages are made from, where the caller has to know them before. */
  seed?: string
  /** The verification that begins with a message, in the same step. Not asked for what was accepted before. */
  verificationOf?: (message: Message) => VerificationBirth
}

/** What became of each request, in order: the message that was accepted, or why it was not. */
export type Submitted = { isRepeat: boolean; results: (Message | ProblemError)[] }

type Asked = Omit<AdmissionRequest, 'messages'> & {
  caller: AppCaller
  messages: Draft[]
  /** What its messages carry. */
  carried: { requestId?: string | undefined; trace?: Traceparent | undefined }
  verificationOf?: Submission['verificationOf']
}
type Recorded = { index: number; kind: 'new' | 'earlier'; message: Message }

/**
 * Redis gets so much longer for each message of a batch after the first. A Redis that has fallen silent is noticed as soon as with
 * one message, because it is told a part at a time.
 */
const MS_PER_FURTHER_MESSAGE = 2
const PART = 200

/** A batch is logged so many lines at a time, with a pause in between. */
const LINES_AT_ONCE = 25
const PAUSE_MS = 5

/** What the timeline says of a message that was taken back. */
const NOT_ACCEPTED = 'not accepted'

/** What was refused is taken back again and again until Redis has heard it: about so often, not all at once. */
const WITHDRAW_AGAIN_MS = 500
const MOST_WITHDRAWALS = 20

/** @param deps.withinMs how long Redis may take for one message before the caller is told to try again */
export function createAcceptMessages(deps: {
  admission: Admission
  acceptance: Acceptance
  capacity: Pick<Capacity, 'requireRoom' | 'requireSafety' | 'took'>
  store: Pick<MessageStore, 'move'>
  replication: Replication
  sealer: Sealer
  events: Events
  defaults: MessageDefaults
  /** The countries an app may send to; an app that is not named may send to any. */
  countries?: ReadonlyMap<string, ReadonlySet<string>>
  withinMs: number
  tracing?: Tracing | undefined
  now?: () => number
}) {
  const { admission, acceptance, capacity, store, replication, sealer, events } = deps
  const { defaults, countries, withinMs, tracing, now = Date.now } = deps

  /**
   * Throws a `ProblemError` when nothing is accepted: 422 for an idempotency key that came with another body before, 429 for an app
   * that has too many waiting, 503 while Redis cannot take the messages.
   */
  return async (submission: Submission): Promise<Submitted> => {
    const { caller, requests, idempotency, requestId, trace, seed = newSeed(), verificationOf } = submission
    const beganAt = performance.now()
    const allowed = isTest(caller) ? undefined : countries?.get(caller.name)
    const drafts = requests
      .map((request, index) => toDraft(caller, request, index))
      .map((draft) => requireCountry(draft, allowed))
    const messages = drafts.filter(isDraft)
    const facts = { 'relais.app': caller.name, 'relais.messages': messages.length }
    const span = tracing?.begin('accept', { kind: 'internal', parent: trace, facts })
    const asked: Asked = {
      caller,
      app: worldOf(caller),
      seed,
      ...(idempotency && { idempotency }),
      messages,
      carried: {
        requestId: requestId?.isGiven ? requestId.id : undefined,
        trace: span?.isRecorded ? span.traceparent : undefined,
      },
      // What a test key sends reaches nobody.
      isTest: isTest(caller),
      ...(verificationOf && { verificationOf }),
    }
    const budgetMs = withinMs + (requests.length - 1) * MS_PER_FURTHER_MESSAGE
    const taken = within(
      budgetMs,
      (late) => take(asked, late),
      (taking) => void withdraw(asked, taking),
    )
    if (span)
      taken.then(
        () => span.end(),
        () => span.end({}, true),
      )
    const { isRepeat, limited, recorded } = await taken
    void tell(recorded, performance.now() - beganAt, requestId?.id)
    const results = new Map<number, Message | ProblemError>()
    for (const { index, message } of recorded) {
      results.set(index, isWithdrawn(message) ? withdrawn() : message)
    }
    for (const [index, refusal] of limited) results.set(index, limitedBy(refusal))
    if (!isRepeat) tellOfRefused([...limited.values()], drafts)
    return { isRepeat, results: drafts.map((draft, index) => results.get(index) ?? (draft as ProblemError)) }
  }

  async function take(asked: Asked, late: Late) {
    // Redis is told nothing, so there is nothing to take back.
    if (replication.isOut()) throw queueUnavailable(new Error('too few replicas'))
    const [admitted, early] = await Promise.all([admission.admit(asked, late), acceptEarly(asked, late)])
    late.throwIfAborted()
    if (admitted.kind === 'mismatch') throw mismatch()
    if (admitted.kind === 'withdrawn') throw new Error('the same request is being taken back')
    const { kind, seed, limited } = admitted
    const isDone = new Set([...limited.keys(), ...early.map(({ index }) => index)])
    const drafts = asked.messages.filter(({ index }) => !isDone.has(index))
    if (kind === 'new' && early.length === 0) await requireRoom(asked, drafts.length)
    const recorded = [...early, ...(await accept(asked, seed, drafts, late))]
    if (!(await replication.isReached())) throw new Error('too few replicas have the messages')
    late.throwIfAborted()
    return { isRepeat: kind === 'repeat', limited, recorded }
  }

  /**
   * Right behind the request at the door go its messages, as if it were new and nothing limited. Redis takes in those of which that is
   * true, and these are answered. Without an idempotency key the door need not be waited for, or keeps nothing to know it by.
   */
  async function acceptEarly(asked: Asked, late: Late): Promise<Recorded[]> {
    const { caller, seed, messages } = asked
    const entry = await admission.entryOf(asked)
    if (entry === undefined || !hasRoom(asked)) return []
    capacity.took(caller.name, messages.length)
    const recorded = await accept(asked, seed, messages, late, entry)
    capacity.took(caller.name, recorded.length - messages.length)
    return recorded
  }

  /** If not, it is seen at the door first whether it needs any. */
  function hasRoom(asked: Asked): boolean {
    try {
      lookForRoom(asked, asked.messages.length)
      return true
    } catch (error) {
      if (error instanceof ProblemError) return false
      throw error
    }
  }

  /** A repeat has found its room before. What is refused for want of it leaves nothing behind, and may be asked for again. */
  async function requireRoom(asked: Asked, messages: number): Promise<void> {
    try {
      lookForRoom(asked, messages)
    } catch (error) {
      const seed = await admission.withdraw(asked)
      if (seed !== undefined) await admission.endWithdrawal(asked, seed, false)
      throw error
    }
    capacity.took(asked.caller.name, messages)
  }

  function lookForRoom({ caller, app }: Asked, messages: number): void {
    if (isTest(caller)) capacity.requireSafety()
    else capacity.requireRoom(app, messages)
  }

  /**
   * If there is a record already it stays, and is what counts.
   *
   * @param entry that of the request, while nobody knows whether it is let in: what is not, is left out of the answer
   */
  async function accept(
    { caller, carried, verificationOf }: Asked,
    seed: string,
    drafts: readonly Draft[],
    late: Late,
    entry?: string,
  ): Promise<Recorded[]> {
    const accepted = await inParts(PART, drafts, late, (part) =>
      Promise.all(
        part.map(async ({ index, to, request }) => {
          const id = messageIdOf(seed, index)
          const given = { id, app: caller.name, isTest: isTest(caller), to, acceptedAt: now(), defaults }
          const message = newMessage(request, { ...given, ...carried })
          const atTheDoor = entry === undefined ? undefined : { entry, seed, index }
          const how = { late, atTheDoor, verification: verificationOf?.(message) }
          const sealedContent = sealContent(sealer, id, contentOf(request))
          return { index, ...(await acceptance.accept(message, sealedContent, how)) }
        }),
      ),
    )
    return accepted.flatMap((one) => (one.kind === 'not-let-in' ? [] : one))
  }

  function tellOfRefused(limited: Refusal[], drafts: (Draft | ProblemError)[]): void {
    for (const { limit } of limited) events.messageLimited(limit)
    for (const draft of drafts)
      if (!isDraft(draft) && draft.code === 'country_refused') events.messageLimited('country')
  }

  /** A few at a time: a thousand lines at once fill the pipe behind standard output, and the whole process waits until it is read. */
  async function tell(recorded: Recorded[], acceptMs: number, requestId: string | undefined): Promise<void> {
    const accepted = recorded.filter(({ kind }) => kind === 'new')
    for (const [i, { message }] of accepted.entries()) {
      if (i > 0 && i % LINES_AT_ONCE === 0) await sleep(PAUSE_MS)
      events.messageAccepted(message, acceptMs, requestId)
    }
  }

  /**
   * Once the caller was told "not accepted" the messages must not be sent either, whatever Redis still does with them. So it is told to
   * cancel them at once, behind what it was told before and has not answered: they are gone before a worker sees them.
   *
   * The last who was refused takes the messages back. If one who made the same request was told that they are accepted, nobody does.
   * The idempotency key is free only when it is sure that none was sent, nor will be: a client that has not waited for our answer
   * makes the request again at this very moment.
   */
  async function withdraw(asked: Asked, taking: Promise<unknown>): Promise<void> {
    for (let times = 1; times <= MOST_WITHDRAWALS; times += 1) {
      try {
        const seed = await admission.withdraw(asked)
        if (seed === undefined) return
        const ends = await Promise.all(asked.messages.map(({ index }) => cancel(messageIdOf(seed, index))))
        const isSent = ends.some(({ message }) => message && message.status !== 'canceled')
        // What the door answers late says what it counted.
        await taking.catch(() => undefined)
        await admission.endWithdrawal(asked, seed, isSent)
        return
      } catch {
        await sleep(WITHDRAW_AGAIN_MS * (0.5 + Math.random()), undefined, { ref: false })
      }
    }
  }

  /** Only what no worker has ever claimed: from then on Meta may have it, or a repeat of the request was told so. */
  function cancel(id: string): Promise<MoveResult> {
    return store.move(id, { to: 'canceled', from: ['queued'], claims: 0, detail: NOT_ACCEPTED })
  }
}

export type AcceptMessages = ReturnType<typeof createAcceptMessages>

/** What an app does with its test keys is apart from the rest: an Idempotency-Key of the one says nothing in the other. */
export function worldOf(caller: AppCaller): string {
  return isTest(caller) ? `${caller.name} test` : caller.name
}

/** One of a batch that was refused, of which a worker had taken others by then: the repeat finds those, and this one is still refused. */
function isWithdrawn({ status, timeline }: Message): boolean {
  return status === 'canceled' && timeline.at(-1)?.detail === NOT_ACCEPTED
}

function withdrawn(): ProblemError {
  const detail =
    'This message was refused together with others and is not sent. Send it again with a new Idempotency-Key.'
  return new ProblemError(503, 'queue_unavailable', detail)
}

function mismatch(): ProblemError {
  const detail =
    'This Idempotency-Key came with another body within the last 24 hours. Use a new key for a new request.'
  return new ProblemError(422, 'idempotency_mismatch', detail)
}
