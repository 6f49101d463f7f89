import type { CallKind } from './call-log.ts'
import { expiredSession } from './token-refusal.ts'
import { refuse, resetReply, type GraphReply } from './reply.ts'

type FaultKind =
  /** Meta's error body for this code. */
  | { readonly kind: 'error'; readonly code: number; readonly subcode?: number | undefined }
  /** A proxy's HTML page in place of JSON. */
  | { readonly kind: 'html'; readonly statusCode: number }
  /** The connection is reset; `accepted`: after the call took effect. */
  | { readonly kind: 'reset'; readonly accepted: boolean }
  /** Silence for `ms`, then the ordinary answer (`accepted`) or a reset. */
  | { readonly kind: 'stall'; readonly ms: number; readonly accepted: boolean }
  /** The call takes effect and half of its JSON comes back. */
  | { readonly kind: 'garbage' }
  /** Lets a call pass. */
  | { readonly kind: 'none' }

/** Something that goes wrong with coming calls: by default with the next send. */
export type Fault = FaultKind & {
  /** Only for calls to this number. */
  readonly to?: string | undefined
  /** The kind of call it waits for; default `send`. */
  readonly on?: CallKind | undefined
  /** How many calls; default 1. */
  readonly times?: number | undefined
}

const QUEUE_CAP = 1000

/** Faults waiting for a call: first in, first out, among those that fit the call. */
export function createFaults() {
  let queue: { fault: Fault; left: number }[] = []

  function take(call: { kind: CallKind; to?: string | undefined }): Fault | undefined {
    const waiting = queue.find(({ fault }) => fits(fault, call))
    if (waiting === undefined) return undefined
    waiting.left -= 1
    if (waiting.left <= 0) queue = queue.filter((other) => other !== waiting)
    return waiting.fault
  }

  return {
    take,
    /** Adds to the end of the queue, which holds at most 1000. */
    inject(faults: readonly Fault[]): void {
      const added = faults.map((fault) => ({ fault, left: fault.times ?? 1 }))
      queue = [...queue, ...added].slice(0, QUEUE_CAP)
    },
    clear: () => void (queue = []),
    waiting: () => queue.reduce((sum, { left }) => sum + left, 0),
  }
}

export type Faults = ReturnType<typeof createFaults>

/** The answer of a call under a fault; `handle` makes the call take effect. */
export function answerUnder(fault: Fault | undefined, now: number, handle: () => GraphReply): GraphReply {
  switch (fault?.kind) {
    case undefined:
    case 'none':
      return handle()
    case 'error':
      return refuse(errorOf(fault.code, fault.subcode, now))
    case 'html':
      return {
        statusCode: fault.statusCode,
        body: htmlPage(fault.statusCode),
        contentType: 'text/html; charset=utf-8',
      }
    case 'reset':
      return fault.accepted ? { ...handle(), statusCode: null } : resetReply
    case 'stall':
      return { ...(fault.accepted ? handle() : resetReply), delayMs: fault.ms }
    case 'garbage':
      return halved(handle())
  }
}

/** A forced error; 190/463 gets its dated sentence as if the token had just died. */
export function errorOf(graphCode: number, subcode: number | undefined, now: number) {
  return graphCode === 190 && subcode === 463 ? expiredSession(now - 1000, now) : { graphCode, subcode }
}

function fits(fault: Fault, call: { kind: CallKind; to?: string | undefined }): boolean {
  if ((fault.on ?? 'send') !== call.kind) return false
  return fault.to === undefined || digitsOf(fault.to) === digitsOf(call.to ?? '')
}

function digitsOf(number: string): string {
  return number.replace(/\D/g, '')
}

function halved(answer: GraphReply): GraphReply {
  return { ...answer, body: answer.body.slice(0, Math.floor(answer.body.length / 2)) }
}

function htmlPage(statusCode: number): string {
  return `<!DOCTYPE html><html><head><title>Error</title></head><body><h1>Sorry, something went wrong.</h1><p>${statusCode}</p></body></html>`
}
