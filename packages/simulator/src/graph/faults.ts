import type { Draw, Random } from '../world/random.ts'
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
  readonly on?: CallKind | 'any' | undefined
  /** How many calls; default 1, or no end with `probability` or `forSeconds`. */
  readonly times?: number | undefined
  /** How likely each fitting call meets it, 0 to 1; default 1. */
  readonly probability?: number | undefined
  /** It ends after so many simulated seconds. */
  readonly forSeconds?: number | undefined
}

/** Every kind of trouble a network and a busy provider give, each met by this share of the sends. */
export function chaosFaults(probability: number): Fault[] {
  const kinds: FaultKind[] = [
    { kind: 'reset', accepted: false },
    { kind: 'reset', accepted: true },
    { kind: 'stall', ms: 30_000, accepted: true },
    { kind: 'error', code: 131000 },
    { kind: 'error', code: 131016 },
    { kind: 'error', code: 2 },
    { kind: 'html', statusCode: 502 },
  ]
  return kinds.map((kind) => ({ ...kind, probability }))
}

type Call = { readonly kind: CallKind; readonly to?: string | undefined }

type Waiting = { readonly fault: Fault; left: number; readonly endsAt: number }

const QUEUE_CAP = 1000

/** Faults waiting for a call: first in, first out, among those that fit the call. */
export function createFaults(deps: { now: () => number; random: Random }) {
  let queue: Waiting[] = []
  let calls = 0

  function take(call: Call): Fault | undefined {
    calls += 1
    if (queue.length === 0) return undefined
    // A stream for each call: whether one meets its fault does not depend on how many others there were to draw for.
    const draw = deps.random.stream('faults', calls)
    const waiting = current().find(({ fault }) => fits(fault, call) && strikes(fault, draw))
    if (waiting === undefined) return undefined
    waiting.left -= 1
    if (waiting.left <= 0) queue = queue.filter((other) => other !== waiting)
    return waiting.fault
  }

  /** Without those whose time is over. */
  function current(): Waiting[] {
    const now = deps.now()
    if (queue.some(({ endsAt }) => endsAt <= now)) queue = queue.filter(({ endsAt }) => endsAt > now)
    return queue
  }

  return {
    take,
    /** Adds to the end of the queue, which holds at most 1000. */
    inject(faults: readonly Fault[]): void {
      const now = deps.now()
      const added = faults.map((fault) => ({
        fault,
        left: timesOf(fault),
        endsAt: fault.forSeconds === undefined ? Infinity : now + fault.forSeconds * 1000,
      }))
      queue = [...queue, ...added].slice(0, QUEUE_CAP)
    },
    clear: () => void (queue = []),
    /** Calls that will meet a fault; one that has no number of calls counts once. */
    waiting: () => current().reduce((sum, { left }) => sum + (left === Infinity ? 1 : left), 0),
    /** In their order, `times` being what is left. */
    list: (): Fault[] =>
      current().map(({ fault, left }) => ({ ...fault, ...(left === Infinity ? {} : { times: left }) })),
  }
}

export type Faults = ReturnType<typeof createFaults>

function timesOf({ times, probability, forSeconds }: Fault): number {
  return times ?? (probability === undefined && forSeconds === undefined ? 1 : Infinity)
}

function strikes({ probability }: Fault, draw: Draw): boolean {
  return probability === undefined || draw() < probability
}

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

function fits(fault: Fault, call: Call): boolean {
  const { on = 'send' } = fault
  if (on !== 'any' && on !== call.kind) return false
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
