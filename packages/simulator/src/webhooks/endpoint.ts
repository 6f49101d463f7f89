import { STATUS_CODES } from 'node:http'
import type { Clock } from '../world/clock.ts'
import type { Draw } from '../world/random.ts'
import { publicUrl, type WebhookOutcome } from './delivery-log.ts'

/** Whether the webhook's owner has answered the challenge; without a verify token nobody asks. */
type Verification = {
  readonly state: 'not required' | 'pending' | 'passed' | 'failed'
  /** Why it failed. */
  readonly problem?: string
  /** Simulated time of the next try. */
  readonly nextTryAt?: number
}

const FIRST_GAP_MS = 250
const LONGEST_GAP_MS = 60_000

type Get = (url: string) => Promise<{ outcome: WebhookOutcome; text: string }>

/**
 * Where webhooks go. With a verify token the URL must answer Meta's challenge before the first POST; it is asked
 * again after 250 ms, then in doubling gaps up to a minute. The subscription of the app may carry a URL of its own.
 */
export function createEndpoint(deps: {
  url: string | undefined
  verifyToken: string | undefined
  get: Get
  clock: Clock
  draw: Draw
  /** The way is free. */
  opened: () => void
}) {
  const { clock } = deps
  let url = checked(deps.url)
  let verifyToken = deps.verifyToken
  let override: string | undefined
  let subscription: 'never asked' | 'on' | 'off' = url === undefined ? 'never asked' : 'on'
  let verification: Verification = { state: 'not required' }
  /** What was begun for another URL changes nothing any more. */
  let era = 0

  function begin(): void {
    era += 1
    const isNeeded = url !== undefined && verifyToken !== undefined
    verification = { state: isNeeded ? 'pending' : 'not required' }
    if (isNeeded) void tryAgain(era, 0)
    else deps.opened()
  }

  async function tryAgain(startedIn: number, tries: number): Promise<void> {
    if (startedIn !== era || url === undefined || verifyToken === undefined) return
    const problem = await ask(url, verifyToken)
    if (startedIn !== era) return
    if (problem === undefined) {
      verification = { state: 'passed' }
      return deps.opened()
    }
    const gapMs = Math.min(LONGEST_GAP_MS, FIRST_GAP_MS * 2 ** tries)
    verification = { state: 'failed', problem, nextTryAt: clock.now() + gapMs }
    clock.after(gapMs, () => void tryAgain(startedIn, tries + 1))
  }

  /** Meta's challenge; answers what is wrong with the reply, if anything. */
  async function ask(callback: string, token: string): Promise<string | undefined> {
    const challenge = String(1_000_000_000 + Math.floor(deps.draw() * 1_000_000_000))
    const target = new URL(callback)
    target.searchParams.append('hub.mode', 'subscribe')
    target.searchParams.append('hub.challenge', challenge)
    target.searchParams.append('hub.verify_token', token)
    const { outcome, text } = await deps.get(target.href)
    if (outcome === 200) return text === challenge ? undefined : 'Response does not match challenge'
    if (typeof outcome === 'string') return problems[outcome]
    return `HTTP Status Code = ${outcome}; HTTP Message = ${STATUS_CODES[outcome] ?? 'Unknown'}`
  }

  const isListening = () => subscription === 'on' && (override ?? url) !== undefined

  return {
    begin,
    /** Whether anybody wants webhooks, now or once the challenge is answered. */
    isListening,
    /** Where to post at this moment, if anywhere. */
    target(): string | undefined {
      if (!isListening()) return undefined
      if (override !== undefined) return override
      return verification.state === 'not required' || verification.state === 'passed' ? url : undefined
    },
    /**
     * Another URL, and another verify token if one is given; subscribes an app that never was. Throws when it is not
     * an http(s) URL.
     */
    setUrl(next: string | undefined, token = verifyToken): void {
      url = checked(next)
      verifyToken = token
      if (next !== undefined && subscription === 'never asked') subscription = 'on'
      begin()
    },
    /** The app's own URL from now on, if it answers the challenge; else what is wrong with it. */
    async replace(next: { url: string; verifyToken: string }): Promise<string | undefined> {
      const problem = await ask(next.url, next.verifyToken)
      if (problem !== undefined) return problem
      era += 1
      url = next.url
      verifyToken = next.verifyToken
      verification = { state: 'passed' }
      deps.opened()
      return undefined
    },
    /** Answers what is wrong with the URL the subscription brings, if it brings one. */
    async subscribe(own?: { url: string; verifyToken: string }): Promise<string | undefined> {
      const problem = own === undefined ? undefined : await ask(own.url, own.verifyToken)
      if (problem !== undefined) return problem
      override = own?.url
      subscription = 'on'
      deps.opened()
      return undefined
    },
    unsubscribe(): void {
      subscription = 'off'
      override = undefined
    },
    override: () => override,
    state: () => ({
      url: url ?? null,
      ...(override === undefined ? {} : { overrideUrl: publicUrl(override) }),
      isSubscribed: subscription === 'on',
      verification,
    }),
    /** As at the start. */
    reset(): void {
      url = deps.url
      verifyToken = deps.verifyToken
      override = undefined
      subscription = url === undefined ? 'never asked' : 'on'
      begin()
    },
    close(): void {
      era += 1
      subscription = 'off'
    },
  }
}

export type Endpoint = ReturnType<typeof createEndpoint>

function checked(url: string | undefined): string | undefined {
  if (url === undefined || isWebUrl(url)) return url
  throw new RangeError('the webhook URL must be http(s), for example http://127.0.0.1:3000/webhooks')
}

/** Whether webhooks can go there. */
export function isWebUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
}

const problems: Readonly<Record<Exclude<WebhookOutcome, number>, string>> = {
  timeout: 'No answer in time',
  reset: 'The connection was broken',
  refused: 'The address cannot be reached',
}
