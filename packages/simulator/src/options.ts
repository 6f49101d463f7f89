import { randomInt } from 'node:crypto'
import type { SimulatedTemplate } from './world/template.ts'
import { defaultTemplates } from './world/templates.ts'
import type { ClockOptions } from './world/clock.ts'
import type { ExpiryCode } from './world/recipients.ts'
import { timings, type Timing, type TimingPreset } from './world/timing.ts'
import type { WebhookGrouping, WebhookVersion } from './webhooks/payload.ts'
import { LARGEST_BATCH } from './webhooks/batches.ts'

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
  /** Set: the URL must answer Meta's challenge before the first POST, and gets nothing until it does. */
  webhookVerifyToken?: string | undefined
  /** A preset, or milliseconds; what is left out is as in `quick`. */
  timing?: TimingPreset | Partial<Timing> | undefined
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
  /** Updates that may share a POST, up to 1000. Default 1. */
  webhookBatchSize?: number | undefined
  /** How updates share a POST. Default `mixed`. */
  webhookGrouping?: WebhookGrouping | undefined
  /** The payload version the app chose. Default `v26.0`. */
  webhookVersion?: WebhookVersion | undefined
  /** POSTs under way at once. Default 16. */
  webhookConcurrency?: number | undefined
  /** Real milliseconds a POST may take. Default 5000. */
  webhookTimeoutMs?: number | undefined
  /** Sends whose `sent` is posted before they are answered, 0 to 1. Default 0. */
  earlyProbability?: number | undefined
  /** The error of a message that expired before its phone came back; default `null`: nothing is told. */
  expiresWith?: ExpiryCode | null | undefined
  /** Whether free text reaches people who never wrote. Default on. */
  windowsStartOpen?: boolean | undefined
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
    timing:
      typeof options.timing === 'string' ? timings[options.timing] : { ...timings.quick, ...options.timing },
    throughputPerSecond: options.throughputPerSecond ?? 80,
    pairLimit: options.pairLimit ?? true,
    requireProof: options.requireProof ?? false,
    seed: options.seed ?? randomInt(2 ** 32),
    webhookHabits: {
      duplicateProbability: options.duplicateProbability ?? 0,
      swapProbability: options.swapProbability ?? 0,
      earlyProbability: options.earlyProbability ?? 0,
      batchSize: Math.min(LARGEST_BATCH, Math.max(1, options.webhookBatchSize ?? 1)),
      grouping: options.webhookGrouping ?? 'mixed',
      version: options.webhookVersion ?? 'v26.0',
    },
    webhookConcurrency: options.webhookConcurrency ?? 16,
    webhookTimeoutMs: options.webhookTimeoutMs ?? 5000,
    expiresWith: options.expiresWith ?? null,
    windowsStartOpen: options.windowsStartOpen ?? true,
    echoCallbackDataOnFailed: options.echoCallbackDataOnFailed ?? true,
    clock: options.clock ?? {},
  }
}
