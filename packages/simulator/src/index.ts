export { createSimulator, type Simulator, type SimulatorState } from './simulator.ts'
export type { SimulatorOptions } from './options.ts'
export type { SimulatedTemplate, TemplateCategory, TemplateStatus } from './world/template.ts'
export { timings, type Delay, type Timing, type TimingPreset } from './world/timing.ts'
export { chaosFaults, type Fault } from './graph/faults.ts'
export { CALL_CAP, type CallKind, type GraphCallRecord } from './graph/call-log.ts'
export {
  MESSAGE_CAP,
  type MessageStatus,
  type ReceivedMessage,
  type StatusChange,
} from './world/message-log.ts'
export type { TokenRequest, TokenSummary } from './world/access-tokens.ts'
export type { TokenType } from './world/token-string.ts'
export type { AccountChanges, AccountState, NumberState } from './world/account-state.ts'
export type { Template } from './world/template.ts'
export type { TemplateChanges } from './world/templates.ts'
export {
  profilesByEnding,
  profilesByName,
  type PhoneSwitches,
  type Receipt,
  type RecipientProfile,
} from './world/recipient-profiles.ts'
export type { ExpiryCode, RecipientChanges, RecipientSetting } from './world/recipients.ts'
export type { InboundResult } from './webhooks/inbound.ts'
export type { WebhookDelivery, WebhookOutcome } from './webhooks/delivery-log.ts'
export type { WebhookGrouping, WebhookVersion } from './webhooks/payload.ts'
export type { WebhookHabits } from './webhooks/sender.ts'
export type { SignatureFault } from './webhooks/signatures.ts'
