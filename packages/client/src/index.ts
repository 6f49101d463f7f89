export type {
  AcceptedMessage,
  CheckedVerification,
  FallbackReason,
  FieldFault,
  Message,
  MessageRequest,
  MessageStatus,
  MessageType,
  OtpRequest,
  ProblemCode,
  ResendRequest,
  ResentVerification,
  StartedVerification,
  TemplateRequest,
  TextRequest,
  TimelineEntry,
  VerificationRequest,
} from './api-types.ts'
export type { CallOptions, Fetch } from './call.ts'
export { NetworkError, ProblemError, RelaisError, TimeoutError, WaitTimeoutError } from './errors.ts'
export type { SendOptions } from './options.ts'
export { createRelais, type Relais, type RelaisOptions } from './relais.ts'
export type { SendResult } from './send-many.ts'
export type { Verifications } from './verifications.ts'
export type { WaitOptions } from './wait-for.ts'
