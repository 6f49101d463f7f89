import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { TokenRequest, TokenSummary } from './world/access-tokens.ts'
import { createAdminServer } from './control/server.ts'
import type { GraphCallRecord } from './graph/call-log.ts'
import type { Fault } from './graph/faults.ts'
import type { ReceivedMessage } from './world/message-log.ts'
import type { Clock } from './world/clock.ts'
import { createParts, type Parts } from './parts.ts'
import { settle, type SimulatorOptions } from './options.ts'
import { addPhonesPage } from './page/server.ts'

/** A summary of what goes on. */
export type SimulatorState = {
  readonly graphUrl: string
  readonly startedAt: number
  readonly messages: number
  readonly calls: number
  readonly faultsWaiting: number
  readonly tokens: number
  readonly webhook: {
    readonly url: string | null
    readonly waiting: number
    readonly active: number
    readonly delivered: number
    readonly failedTries: number
    readonly dropped: number
  }
}

/** A running simulator. */
export type Simulator = {
  /** Base URL of the Graph paths, without a version; the phones page is at its root. */
  readonly graphUrl: string
  readonly adminUrl?: string
  close(): Promise<void>
  /** Statuses go there from now on; nothing: they are not sent. */
  setWebhookUrl(url: string | undefined): void
  injectFaults(faults: readonly Fault[]): void
  clearFaults(): void
  /** Accepted messages, oldest first, the newest 10,000. */
  messages(): readonly ReceivedMessage[]
  /** Calls to the Graph port, oldest first, the newest 20,000. */
  calls(): readonly GraphCallRecord[]
  issueToken(request?: TokenRequest): string
  /** Takes a token or its fingerprint. */
  revokeToken(token: string): void
  /** Takes a token or its fingerprint. */
  expireToken(token: string): void
  /** Every token given out so far answers 190/458. */
  deauthoriseApp(): void
  tokens(): readonly TokenSummary[]
  state(): SimulatorState
  /** Simulated time; see `Clock`. */
  readonly clock: Pick<Clock, 'now' | 'advance' | 'setSpeed' | 'speed'>
  /** Forgets messages, calls, faults, limits, waiting webhooks and what was done to tokens. */
  reset(): void
}

/**
 * Starts a simulator of the WhatsApp Cloud API; it listens when the promise resolves. Rejects with the `listen`
 * error (`EADDRINUSE`, ...) when a port cannot be had.
 */
export async function createSimulator(options: SimulatorOptions): Promise<Simulator> {
  const settings = settle(options)
  const parts = createParts(settings)
  const servers = [parts.graph]
  const close = () => parts.close(servers)
  try {
    const page = await addPhonesPage(parts.graph, parts.phones)
    const graphUrl = await listen(parts.graph, settings.host, settings.port)
    const control = createControl(parts, graphUrl, page.refresh)
    if (settings.adminPort === undefined) return { ...control, close }
    const admin = createAdminServer(control)
    servers.push(admin)
    return { ...control, adminUrl: await listen(admin, settings.host, settings.adminPort), close }
  } catch (error) {
    await close()
    throw error
  }
}

function createControl(parts: Parts, graphUrl: string, refreshPage: () => void): Omit<Simulator, 'close'> {
  const { clock, messages, calls, faults, tokens, webhooks } = parts
  const startedAt = clock.now()
  return {
    graphUrl,
    clock: { now: clock.now, advance: clock.advance, setSpeed: clock.setSpeed, speed: clock.speed },
    setWebhookUrl: webhooks.setUrl,
    injectFaults: faults.inject,
    clearFaults: faults.clear,
    messages: messages.list,
    calls: calls.list,
    issueToken: tokens.issue,
    revokeToken: tokens.revoke,
    expireToken: tokens.expire,
    deauthoriseApp: tokens.deauthoriseApp,
    tokens: tokens.list,
    state: () => ({
      graphUrl,
      startedAt,
      messages: messages.total(),
      calls: calls.total(),
      faultsWaiting: faults.waiting(),
      tokens: tokens.list().length,
      webhook: webhooks.state(),
    }),
    reset(): void {
      parts.reset()
      refreshPage()
    },
  }
}

async function listen(app: FastifyInstance, host: string, port: number): Promise<string> {
  await app.listen({ host, port })
  const { port: actual } = app.server.address() as AddressInfo
  return `http://${reachable(host)}:${actual}`
}

/** The host to call for a host to listen on. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return host.includes(':') ? `[${host}]` : host
}
