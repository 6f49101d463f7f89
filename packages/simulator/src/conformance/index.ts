export { answerFaults, type GraphAnswer } from './answer.ts'
export type { Operation } from './operations.ts'
export { requestFaults, type GraphRequest, type Headers } from './request.ts'
export { webhookFaults, type WebhookRequest } from './webhook.ts'
