/**
 * How a message stands in Redis: the fields of its record. What is zero or absent has no field, and no field of a usual message is
 * longer than 64 bytes: then Redis keeps the whole of it in one piece (`hash-max-listpack-value`), a third of what it takes otherwise.
 */
import type { FallbackReason, Message, MessageStatus } from './message.ts'
import { readTimeline, writeTimelineEntry } from './timeline.ts'

/** The fields of a new message's record: names and values by turns. */
export function writeRecord(message: Message): string[] {
  const record: string[] = []
  let field: keyof Message
  for (field in message) {
    const value = message[field]
    if (field === 'id' || field === 'timeline' || value === undefined || value === 0) continue
    record.push(field, `${value as string | number | boolean}`)
  }
  const lines = message.timeline.map((entry) => writeTimelineEntry(entry, message.acceptedAt))
  record.push('timeline', lines.join('\n'))
  return record
}

/** Undefined without a record. */
export function readRecord(id: string, fields: Record<string, string>): Message | undefined {
  const { app, type, to, status } = fields
  if (!app || !type || !to || !status) return undefined
  const acceptedAt = Number(fields['acceptedAt'])
  return {
    id,
    app,
    ...(fields['isTest'] !== undefined && { isTest: true as const }),
    type: type as Message['type'],
    to,
    status: status as MessageStatus,
    attempts: Number(fields['attempts'] ?? 0),
    claims: Number(fields['claims'] ?? 0),
    waits: Number(fields['waits'] ?? 0),
    acceptedAt,
    expiresAt: Number(fields['expiresAt']),
    ...(fields['template'] !== undefined && { template: fields['template'] }),
    ...(fields['language'] !== undefined && { language: fields['language'] }),
    ...(fields['reference'] !== undefined && { reference: fields['reference'] }),
    ...(fields['requestId'] !== undefined && { requestId: fields['requestId'] }),
    ...(fields['trace'] !== undefined && { trace: fields['trace'] }),
    ...(fields['reason'] !== undefined && { reason: fields['reason'] as FallbackReason }),
    ...(fields['reasonDetail'] !== undefined && { reasonDetail: fields['reasonDetail'] }),
    ...(fields['decidedAt'] !== undefined && { decidedAt: Number(fields['decidedAt']) }),
    ...(fields['providerMessageId'] !== undefined && { providerMessageId: fields['providerMessageId'] }),
    ...(fields['deliverWithinSeconds'] !== undefined && {
      deliverWithinSeconds: Number(fields['deliverWithinSeconds']),
    }),
    ...(fields['usedAt'] !== undefined && { usedAt: Number(fields['usedAt']) }),
    ...(fields['revealedAt'] !== undefined && { revealedAt: Number(fields['revealedAt']) }),
    ...(fields['revealedBy'] !== undefined && { revealedBy: fields['revealedBy'] }),
    ...(fields['resendOf'] !== undefined && { resendOf: fields['resendOf'] }),
    ...(fields['resentAs'] !== undefined && { resentAs: fields['resentAs'] }),
    timeline: readTimeline(fields['timeline'] ?? '', acceptedAt),
  }
}

/** What HGETALL gives to a script: names and values by turns. A script that answers in JSON tells of no record as `{}`. */
export function readPairs(id: string, pairs: readonly string[] | Record<string, never>): Message | undefined {
  if (!Array.isArray(pairs)) return undefined
  const fields: Record<string, string> = {}
  for (let i = 0; i + 1 < pairs.length; i += 2) fields[pairs[i] ?? ''] = pairs[i + 1] ?? ''
  return readRecord(id, fields)
}
