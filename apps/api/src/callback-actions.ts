/** Use case: operators say where the events of an app go, see how that does, and mend it. First the audit, then the act. */
import { randomBytes } from 'node:crypto'
import {
  Fault,
  readCallbackUrl,
  signingSecrets,
  UnsealError,
  type Audit,
  type Callback,
  type CallbackOutbox,
  type CallbackSettings,
  type DeadEvent,
  type Events,
  type OutboxState,
  type PostCallback,
} from '@relais/core'
import { ProblemError, refuseAsUnavailable } from './problem.ts'

type Action = 'set' | 'removed' | 'rotated' | 'resumed' | 'redriven' | 'tested'

/** A callback as operators see it. Times are milliseconds since 1970. */
export type CallbackSeen = OutboxState & {
  app: string
  /** Without its query, which may hold a secret. */
  url: string
  setAt: number
  /** Until when the secret signs that was replaced last. */
  oldSecretUntil?: number
}

/** All of it throws a `ProblemError`. @param deps.isPrivateAllowed for tests */
export function createCallbackActions(deps: {
  settings: CallbackSettings
  outbox: CallbackOutbox
  post: PostCallback['post']
  audit: Pick<Audit, 'append'>
  events: Pick<Events, 'callbackResumed'>
  isPrivateAllowed: boolean
  now?: () => number
}) {
  const { settings, outbox, audit, events, isPrivateAllowed, now = Date.now } = deps

  return {
    /** `unreadable`: the apps whose callback does not open with ENCRYPTION_KEYS. */
    list: (): Promise<{ callbacks: CallbackSeen[]; unreadable: string[] }> =>
      acted(async () => {
        const { callbacks, unreadable } = await settings.list()
        return { callbacks: await Promise.all(callbacks.map(seen)), unreadable }
      }),

    /** Answers the secret if it was made now: it is shown this once. */
    async set(operator: string, app: string, text: string): Promise<{ url: string; secret?: string }> {
      const url = readCallbackUrl(text, { isPrivateAllowed })
      if (url instanceof Fault) {
        const errors = [{ pointer: '/url', detail: url.problem }]
        throw new ProblemError(422, 'invalid_request', `The URL ${url.problem}.`, { errors })
      }
      return acted(async () => {
        await note(operator, app, 'set', { host: url.host })
        const set = await settings.set(app, url.href)
        if (set === 'too-many')
          throw new ProblemError(409, 'callbacks_full', 'There are too many callbacks: remove one first.')
        const { callback, secret } = set
        return { url: shownUrl(callback), ...(secret && { secret: secret.reveal() }) }
      })
    },

    /** What waits for the app is forgotten with it. */
    remove: (operator: string, app: string): Promise<void> =>
      acted(async () => {
        if (!(await settings.has(app))) throw notFound(app)
        await note(operator, app, 'removed')
        await settings.remove(app)
        await outbox.forget(app)
      }),

    /** Answers the new secret, shown this once, and until when the old one signs too. */
    rotate: (operator: string, app: string): Promise<{ secret: string; oldUntil: number }> =>
      acted(async () => {
        await known(app)
        await note(operator, app, 'rotated')
        const rotated = await settings.rotate(app)
        if (!rotated) throw notFound(app)
        return { secret: rotated.secret.reveal(), oldUntil: rotated.oldUntil }
      }),

    /** Posts an event that says it is a test, once. Answers what the endpoint said. */
    test: (operator: string, app: string): Promise<number> =>
      acted(async () => {
        const callback = await known(app)
        const at = now()
        const id = `test_${randomBytes(16).toString('base64url')}`
        const what = 'This is a test of the callback: it is about no message.'
        const body = JSON.stringify({ type: 'callback.test', id, at: new Date(at).toISOString(), app, what })
        const target = { url: callback.url, secrets: signingSecrets(callback, at) }
        const posted = await deps.post(target, { id, body, at })
        await note(operator, app, 'tested', { outcome: posted.kind })
        if (posted.kind === 'taken') return posted.statusCode
        const why = posted.kind === 'unreachable' ? posted.fault : `it answered with ${posted.statusCode}`
        const detail = `The endpoint of ${app} did not take the test: ${why}. Only 2xx counts as taken.`
        throw new ProblemError(502, 'callback_undelivered', detail)
      }),

    /** Has all that waits posted now. Answers whether it was paused. */
    resume: (operator: string, app: string): Promise<boolean> =>
      acted(async () => {
        await known(app)
        await note(operator, app, 'resumed')
        const wasPaused = await outbox.resume(app)
        if (wasPaused) events.callbackResumed(app, operator)
        return wasPaused
      }),

    /** Has the dead letters posted again. Answers how many. */
    redrive: (operator: string, app: string): Promise<number> =>
      acted(async () => {
        await known(app)
        await note(operator, app, 'redriven')
        return outbox.redrive(app, now())
      }),

    /** The newest first. */
    dead: (app: string, most: number): Promise<DeadEvent[]> =>
      acted(async () => {
        await known(app)
        return outbox.dead(app, most)
      }),
  }

  function note(operator: string, app: string, action: Action, detail?: Record<string, string>) {
    const entry = { actor: `operator:${operator}`, action: `callback.${action}`, subject: app } as const
    return audit.append({ ...entry, ...(detail && { detail }) })
  }

  async function known(app: string): Promise<Callback> {
    const callback = await settings.read(app)
    if (!callback) throw notFound(app)
    return callback
  }

  async function seen(callback: Callback): Promise<CallbackSeen> {
    const { app, setAt, secrets } = callback
    const oldUntil = Math.max(0, ...secrets.map(({ until = 0 }) => until))
    return {
      ...(await outbox.state(app)),
      app,
      url: shownUrl(callback),
      setAt,
      ...(oldUntil > now() && { oldSecretUntil: oldUntil }),
    }
  }
}

export type CallbackActions = ReturnType<typeof createCallbackActions>

function acted<T>(act: () => Promise<T>): Promise<T> {
  return act().catch((error: unknown) => {
    if (!(error instanceof UnsealError)) return refuseAsUnavailable(error)
    const detail =
      'The callback of this app does not open with ENCRYPTION_KEYS: put the key back that sealed it, or remove the callback and set it anew.'
    throw new ProblemError(409, 'callback_unreadable', detail)
  })
}

function notFound(app: string): ProblemError {
  return new ProblemError(404, 'not_found', `The app ${app} has no callback. Set one first.`)
}

function shownUrl({ url }: Callback): string {
  const { origin, pathname, search } = new URL(url.reveal())
  return `${origin}${pathname}${search === '' ? '' : '?…'}`
}
