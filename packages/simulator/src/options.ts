import { randomInt } from 'node:crypto'
import { defaultTemplates, type SimulatedTemplate } from './world/templates.ts'
import type { ClockOptions } from './world/clock.ts'
import { defaultTiming, type Timing } from './world/timing.ts'

/** What a simulator plays: one app, one business, one number, one first token. */
export type SimulatorOptions = {
  /** Default `127.0.0.1`; also for the admin port. */
  host?: string | undefined
  /** Graph paths and the phones page. Default 0: a free port. */
  port?: number | undefined
  /** The control API; 0 = a free port, left out = none. */
  adminPort?: number | undefined
  phoneNumberId: string
  /** The first token, any string: a system-user token with all scopes. */
  accessToken: string
  appId: string
  appSecret: string
  businessId: string
  /** Digits; its country code is put before recipients without `+`. Default `15550783881`. */
  displayPhoneNumber?: string | undefined
  verifiedName?: string | undefined
  /** Default `122000000000001`: the node that issues tokens. */
  systemUserId?: string | undefined
  /** Default: `otp_login`, authentication, approved, in `fr`. */
  templates?: readonly SimulatedTemplate[] | undefined
  /** Life of the first token and of exchanged ones; 0 = never expires. Default 60 days. */
  tokenLifeSeconds?: number | undefined
  webhookUrl?: string | undefined
  /** Milliseconds; what is left out keeps its default. */
  timing?: Partial<Timing> | undefined
  /** Default 80; 0 = unlimited. */
  throughputPerSecond?: number | undefined
  /** Default on. */
  pairLimit?: boolean | undefined
  /** Calls without `appsecret_proof` are turned down. Default off; a wrong one always is. */
  requireProof?: boolean | undefined
  /** The same seed draws the same delays and disorder. */
  seed?: number | undefined
  /** Webhooks sent twice, 0 to 1. Default 0. */
  duplicateProbability?: number | undefined
  /** Webhooks overtaken by later ones, 0 to 1. Default 0. */
  swapProbability?: number | undefined
  /** Waiting statuses per POST, up to 1000. Default 1. */
  webhookBatchSize?: number | undefined
  /** Whether `failed` statuses carry the caller's data back. Default on; Meta's habit is not known. */
  echoCallbackDataOnFailed?: boolean | undefined
  /** Simulated time: of tokens, limits, statuses, retries and timestamps. Answers are delayed in real time. */
  clock?: ClockOptions | undefined
}

/** Options with every default in place. */
export function settle(options: SimulatorOptions) {
  return {
    ...options,
    host: options.host ?? '127.0.0.1',
    port: options.port ?? 0,
    displayPhoneNumber: options.displayPhoneNumber ?? '15550783881',
    verifiedName: options.verifiedName ?? 'Relais',
    systemUserId: options.systemUserId ?? '122000000000001',
    templates: options.templates ?? defaultTemplates,
    tokenLifeSeconds: options.tokenLifeSeconds ?? 5_184_000,
    timing: { ...defaultTiming, ...options.timing },
    throughputPerSecond: options.throughputPerSecond ?? 80,
    pairLimit: options.pairLimit ?? true,
    requireProof: options.requireProof ?? false,
    seed: options.seed ?? randomInt(2 ** 32),
    duplicateProbability: options.duplicateProbability ?? 0,
    swapProbability: options.swapProbability ?? 0,
    webhookBatchSize: Math.min(1000, Math.max(1, options.webhookBatchSize ?? 1)),
    echoCallbackDataOnFailed: options.echoCallbackDataOnFailed ?? true,
    clock: options.clock ?? {},
  }
}
