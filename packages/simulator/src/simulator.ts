import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TokenRequest, TokenSummary } from './world/access-tokens.ts'
import { createAdminServer } from './control/server.ts'
import type { GraphCallRecord } from './graph/call-log.ts'
import type { Fault } from './graph/faults.ts'
import type { ReceivedMessage } from './world/message-log.ts'
import type { Account } from './world/account.ts'
import type { Templates } from './world/templates.ts'
import type { Recipients } from './world/recipients.ts'
import type { Clock } from './world/clock.ts'
import type { Inbound } from './webhooks/inbound.ts'
import type { WebhookSender } from './webhooks/sender.ts'
import { createParts, type Parts } from './parts.ts'
import { settle, type SimulatorOptions } from './options.ts'
import { createPhonesPage } from './page/server.ts'

/** Longer than clients keep idle connections: they close them before we do. */
const KEEP_ALIVE_MS = 72_000

/** A summary of what goes on. */
export type SimulatorState = {
  readonly graphUrl: string
  readonly startedAt: number
  readonly messages: number
  readonly calls: number
  readonly faultsWaiting: number
  readonly tokens: number
  readonly webhook: ReturnType<WebhookSender['state']>
}

/** A running simulator. */
export type Simulator = {
  /** Base URL of the Graph paths, without a version; the phones page is at its root. */
  readonly graphUrl: string
  readonly adminUrl?: string
  close(): Promise<void>
  /** How webhooks behave and how they fared. */
  readonly webhooks: Pick<
    WebhookSender,
    'setUrl' | 'setHabits' | 'habits' | 'breakSignatures' | 'announceError' | 'deliveries' | 'onDelivery'
  >
  /** The app, the business, its numbers, and limits; `update` throws a `RangeError` for what cannot be. */
  readonly account: Pick<Account, 'read' | 'update'>
  /** The templates; `update` plays what Meta does to one, by id. */
  readonly templates: Pick<Templates, 'all' | 'find' | 'update'>
  /** The phones of the recipients. */
  readonly recipients: Omit<Recipients, 'expiresWith'>
  /** What people write to the business. */
  readonly inbound: Inbound
  injectFaults(faults: readonly Fault[]): void
  clearFaults(): void
  /** Faults that wait, or strike for a while. */
  faults(): readonly Fault[]
  /** Accepted messages, oldest first, the newest 10,000. */
  messages(): readonly ReceivedMessage[]
  /** Calls to the Graph port, oldest first, the newest 20,000. */
  calls(): readonly GraphCallRecord[]
  issueToken(request?: TokenRequest): string
  /** Takes a token or its fingerprint. */
  revokeToken(token: string): void
  /** Takes a token or its fingerprint. */
  expireToken(token: string): void
  /** Another app secret from now on: for proofs, exchanges, app tokens and signatures. Access tokens live on. */
  changeAppSecret(appSecret: string): void
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
  const closers: (() => unknown)[] = [parts.close]
  const close = async () => void (await Promise.all(closers.map((end) => end())))
  try {
    const page = await createPhonesPage({ ...parts, answers: parts.inbound, listeningHost: settings.host })
    const graph = createServer((request, response) => {
      if (!page.handle(request, response)) parts.graph.handle(request, response)
    })
    graph.keepAliveTimeout = KEEP_ALIVE_MS
    closers.push(page.close, () => closeServer(graph))
    const graphUrl = await listen(graph, settings.host, settings.port)
    const control = createControl(parts, graphUrl, page.refresh)
    if (settings.adminPort === undefined) return { ...control, close }
    const admin = createAdminServer(control, settings.host)
    closers.push(() => admin.close())
    await admin.ready()
    return { ...control, adminUrl: await listen(admin.server, settings.host, settings.adminPort), close }
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
    webhooks,
    account: parts.account,
    templates: parts.templates,
    recipients: parts.recipients,
    inbound: parts.inbound,
    injectFaults: faults.inject,
    clearFaults: faults.clear,
    faults: faults.list,
    messages: messages.list,
    calls: calls.list,
    issueToken: tokens.issue,
    revokeToken: tokens.revoke,
    expireToken: tokens.expire,
    changeAppSecret: parts.appSecret.change,
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

async function listen(server: Server, host: string, port: number): Promise<string> {
  server.listen({ host, port })
  await once(server, 'listening')
  const { port: actual } = server.address() as AddressInfo
  return `http://${reachable(host)}:${actual}`
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

/** The host to call for a host to listen on. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return host.includes(':') ? `[${host}]` : host
}
