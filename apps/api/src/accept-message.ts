/** Use case: take a message from an app. When this answers, the message is in Redis and will reach an end. */
import { randomBytes } from 'node:crypto'
import {
  enqueueMessage,
  parsePhoneNumber,
  sealContent,
  type Events,
  type Message,
  type MessageContent,
  type MessageJob,
  type MessageStore,
  type Sealer,
} from '@relais/core'
import type { Queue } from 'bullmq'
import { invalid } from './plugins/problems.ts'
import { queueUnavailable } from './problem.ts'

/** What an app sends, already checked against the schema of the route. */
export type MessageRequest = {
  to: string
  ttlSeconds?: number
  deliverWithinSeconds?: number
  reference?: string
} & (
  | { type: 'otp'; code: string; template?: string; language?: string }
  | { type: 'template'; template: string; language?: string; parameters?: string[] }
  | { type: 'text'; text: string }
)

/**
 * @param deps.defaults what applies when the request names none
 * @param deps.withinMs how long Redis may take before the caller is told to try again
 */
export function createAcceptMessage(deps: {
  store: MessageStore
  queue: Queue<MessageJob>
  sealer: Sealer
  events: Events
  defaults: { template: string; language: string; ttlSeconds: number }
  withinMs: number
  now?: () => number
}) {
  const { store, queue, sealer, events, defaults, withinMs, now = Date.now } = deps

  /** Throws a `ProblemError`: 422 for a number that cannot exist, 503 while Redis cannot take the message. */
  return async (app: string, request: MessageRequest): Promise<Message> => {
    const to = parsePhoneNumber(request.to)
    if (!to) {
      const detail = 'must be a phone number that can exist, as + and country code and number: +221771234567'
      throw invalid([{ pointer: '/to', detail }])
    }
    const message = newMessage(app, to, request)
    const sealed = sealContent(sealer, message.id, contentOf(request))
    await within(withinMs, (late) => persist(message, sealed, late))
    events.messageAccepted(message)
    return message
  }

  /**
   * Record first, then the job: a job without a record would be a message nobody can send. Once the caller was told "not
   * accepted" the message must not be sent either, whatever Redis still does with it: it gets no job, or is canceled.
   */
  async function persist(message: Message, sealed: string, late: AbortSignal): Promise<void> {
    await store.create(message, sealed)
    if (late.aborted) return
    try {
      await enqueueMessage(queue, message.id)
      late.throwIfAborted()
    } catch (error) {
      store.move(message.id, { to: 'canceled', detail: 'not accepted' }).catch(() => undefined)
      throw error
    }
  }

  function newMessage(app: string, to: string, request: MessageRequest): Message {
    const acceptedAt = now()
    return {
      id: `msg_${randomBytes(16).toString('base64url')}`,
      app,
      type: request.type,
      to,
      ...templateOf(request),
      ...(request.reference !== undefined && { reference: request.reference }),
      ...(request.deliverWithinSeconds !== undefined && {
        deliverWithinSeconds: request.deliverWithinSeconds,
      }),
      status: 'queued',
      attempts: 0,
      claims: 0,
      waits: 0,
      acceptedAt,
      expiresAt: acceptedAt + (request.ttlSeconds ?? defaults.ttlSeconds) * 1000,
      timeline: [{ status: 'queued', at: acceptedAt }],
    }
  }

  function templateOf(request: MessageRequest): { template?: string; language?: string } {
    if (request.type === 'text') return {}
    return {
      template: request.template ?? defaults.template,
      language: request.language ?? defaults.language,
    }
  }
}

export type AcceptMessage = ReturnType<typeof createAcceptMessage>

function contentOf(request: MessageRequest): MessageContent {
  switch (request.type) {
    case 'otp':
      return { type: 'otp', code: request.code }
    case 'template':
      return { type: 'template', parameters: request.parameters ?? [] }
    case 'text':
      return { type: 'text', text: request.text }
  }
}

/** Everything Redis does here must be done in time; whatever it fails with, the caller may try again. */
async function within(ms: number, work: (late: AbortSignal) => Promise<void>): Promise<void> {
  const late = new AbortController()
  const timeOut = new Promise<never>((_resolve, reject) => {
    late.signal.addEventListener('abort', () => reject(new Error(`Redis took longer than ${ms} ms`)))
  })
  const timer = setTimeout(() => late.abort(), ms)
  try {
    await Promise.race([work(late.signal), timeOut])
  } catch (error) {
    throw queueUnavailable(error)
  } finally {
    clearTimeout(timer)
  }
}
