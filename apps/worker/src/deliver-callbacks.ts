/**
 * Use case: apps are told what became of their messages. Events wait in Redis, where the step that changed the message put them; a job of the queue
 * `callbacks` is one app's turn:
 *
 *     look for apps with something due ──► job of the app ──► post, in lanes ──► taken: it goes · not taken: it waits longer, or is given up
 *
 * - An app has one job at most, so one worker posts its events, so many at a time; a slow endpoint holds up its own app alone. A turn is short.
 * - Of one message one event is posted after the other. An event goes when its answer has come: who dies in between leaves it to the next, who posts it
 *   once more with the same id.
 * - An endpoint that fails and fails is paused; then a turn is one event, now and then. One that is taken resumes it.
 */
import {
  againAt,
  afterFailure,
  afterTaken,
  bodyOf,
  CALLBACK_TIMES,
  enqueueCallbacks,
  eventId,
  keepLooking,
  signingSecrets,
  UnsealError,
  type Callback,
  type CallbackJob,
  type CallbackOutbox,
  type CallbackSettings,
  type CallbackTimes,
  type DueMessage,
  type EndpointHealth,
  type Events,
  type PostCallback,
  type WaitingEvent,
} from '@relais/core'
import type { Queue } from 'bullmq'

/** So many events of an app are posted at the same time. */
const LANES = 8

/** So many messages of an app are read at a time. */
const READ_AT_ONCE = 64

/** After so long other apps get their turn; this one comes again. */
const TURN_MS = 10_000

/** It is looked for apps with something due so often; and where no app has a callback, which operators change once in a while. */
const LOOK_EVERY_MS = 250
const LOOK_IDLE_MS = 2000

/** When it took something last is noted so often. */
const NOTE_EVERY_MS = 5000

const GIVEN_UP = 'not taken within a day'

/**
 * @param deps.times other than `CALLBACK_TIMES`, for tests that would have to wait
 * @param deps.random from 0 to 1
 */
export function createDeliverCallbacks(deps: {
  settings: Pick<CallbackSettings, 'read'>
  outbox: CallbackOutbox
  queue: Queue<CallbackJob>
  post: PostCallback['post']
  events: Pick<
    Events,
    | 'callbackDelivered'
    | 'callbackFailed'
    | 'callbackDead'
    | 'callbackPaused'
    | 'callbackResumed'
    | 'callbackUnreadable'
  >
  stopping: AbortSignal
  onError: (error: Error) => void
  times?: CallbackTimes
  now?: () => number
  random?: () => number
}) {
  const { settings, outbox, queue, events, stopping, onError } = deps
  const { times = CALLBACK_TIMES, now = Date.now, random = Math.random } = deps
  let looking: { close: () => void } | undefined

  return {
    start(): void {
      looking = keepLooking(look, (isAny) => (isAny ? LOOK_EVERY_MS : LOOK_IDLE_MS), onError)
    },

    close: (): void => looking?.close(),

    /** One turn of an app. */
    deliver,
  }

  /** Answers whether any app has a callback. */
  async function look(): Promise<boolean> {
    if (stopping.aborted) return false
    const apps = await outbox.dueApps(now())
    if (apps && apps.length > 0) await enqueueCallbacks(queue, apps)
    return apps !== undefined
  }

  async function deliver(app: string): Promise<void> {
    const callback = await readCallback(app)
    if (callback === undefined) return outbox.forget(app)
    if (callback === 'unreadable') return
    const turn = createTurn(callback, await outbox.health(app))
    if (turn.isPaused()) {
      const count = await outbox.buryOld(app, now() - times.givenUpAfterMs, GIVEN_UP, now())
      if (count > 0) events.callbackDead(app, count, GIVEN_UP)
      const [first] = await outbox.due(app, now(), 1)
      if (first) await turn.probe(first)
      if (turn.isPaused()) return
    }
    while (turn.goesOn()) {
      const due = await outbox.due(app, now(), READ_AT_ONCE)
      if (due.length === 0) return
      await inLanes(due, turn)
    }
  }

  /** What does not open is tried again when a minute has passed: somebody may bring the key. */
  async function readCallback(app: string): Promise<Callback | 'unreadable' | undefined> {
    try {
      return await settings.read(app)
    } catch (error) {
      if (!(error instanceof UnsealError)) throw error
      events.callbackUnreadable(app, error)
      const health = await outbox.health(app)
      await outbox.setHealth(app, { ...health, heldUntil: now() + times.probeEveryMs })
      return 'unreadable'
    }
  }

  /** What one turn knows of its endpoint. Nobody else changes it meanwhile, but for an operator who resumes it. */
  function createTurn(callback: Callback, known: EndpointHealth) {
    const { app } = callback
    const endsAt = now() + TURN_MS
    let health = known
    const isPaused = () => health.pausedAt !== undefined
    const goesOn = () => !stopping.aborted && !isPaused() && now() < endsAt
    return {
      isPaused,
      goesOn,

      /** Posts the events of a message that wait, as long as they are taken. */
      async deliver({ events: waiting }: DueMessage): Promise<void> {
        for (const event of waiting) if (!goesOn() || !(await postOne(event))) return
      },

      async probe({ events: [first] }: DueMessage): Promise<void> {
        if (first && (await postOne(first))) await outbox.resume(app)
      },
    }

    async function postOne(event: WaitingEvent): Promise<boolean> {
      const tried = { ...event, tries: event.tries + 1 }
      const target = { url: callback.url, secrets: signingSecrets(callback, now()) }
      const body = JSON.stringify(bodyOf(app, event))
      const posted = await deps.post(target, { id: eventId(event), body, at: now() }, stopping)
      switch (posted.kind) {
        case 'taken':
          events.callbackDelivered(app, tried)
          await noteTaken()
          return outbox.taken(app, event)
        case 'gone':
        case 'refused':
          await notTaken(tried, `HTTP ${posted.statusCode}`)
          return false
        case 'unreachable':
          // It was given up by us, and nothing is to be learnt from it.
          if (!stopping.aborted) await notTaken(tried, posted.fault)
          return false
      }
    }

    async function noteTaken(): Promise<void> {
      const at = now()
      const isNews = health.failures > 0 || at - (health.deliveredAt ?? 0) >= NOTE_EVERY_MS
      if (isPaused()) events.callbackResumed(app)
      if (!isNews) return
      health = afterTaken(at)
      await outbox.setHealth(app, health)
    }

    async function notTaken(event: WaitingEvent, why: string): Promise<void> {
      const at = now()
      const wasPaused = isPaused()
      health = afterFailure(health, at, why, times)
      const growing = againAt(event, at, random(), times)
      const again = growing !== undefined && isPaused() ? health.heldUntil : growing
      events.callbackFailed(app, event, why, again === undefined ? undefined : again - at)
      if (again !== undefined) await outbox.later(app, event, again)
      else events.callbackDead(app, await outbox.bury(app, event.messageId, GIVEN_UP, at), GIVEN_UP)
      await outbox.setHealth(app, health)
      if (wasPaused || !isPaused()) return
      events.callbackPaused(app, health)
      // Any of them may be the one by which it is found out that the endpoint is back.
      await outbox.makeDue(app)
    }
  }
}

export type DeliverCallbacks = ReturnType<typeof createDeliverCallbacks>

async function inLanes(
  due: readonly DueMessage[],
  turn: { deliver: (message: DueMessage) => Promise<void> },
): Promise<void> {
  const rest = [...due]
  const lane = async () => {
    for (let next = rest.shift(); next; next = rest.shift()) await turn.deliver(next)
  }
  // All of them end before the turn does, whatever happens to one.
  const ends = await Promise.allSettled(Array.from({ length: LANES }, lane))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
}
