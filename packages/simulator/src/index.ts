export { createSimulator, type Simulator, type SimulatorState } from './simulator.ts'
export type { SimulatorOptions } from './options.ts'
export type { SimulatedTemplate, TemplateCategory, TemplateStatus } from './world/templates.ts'
export type { Delay, Timing } from './world/timing.ts'
export type { Fault } from './graph/faults.ts'
export { CALL_CAP, type CallKind, type GraphCallRecord } from './graph/call-log.ts'
export {
  MESSAGE_CAP,
  type MessageStatus,
  type ReceivedMessage,
  type StatusChange,
} from './world/message-log.ts'
export type { TokenRequest, TokenSummary } from './world/access-tokens.ts'
export type { TokenType } from './world/token-string.ts'
export { profilesByEnding, type Receipt, type RecipientProfile } from './world/recipient-profiles.ts'
