import { badParameter, type Refusal } from './reply.ts'
import type { TemplateCategory } from '../world/template.ts'

const bounds: Readonly<Record<TemplateCategory, { min: number; max: number; mayBeThirtyDays: boolean }>> = {
  AUTHENTICATION: { min: 30, max: 900, mayBeThirtyDays: true },
  UTILITY: { min: 30, max: 43_200, mayBeThirtyDays: true },
  MARKETING: { min: 43_200, max: 2_592_000, mayBeThirtyDays: false },
}

/** Checks `message_send_ttl_seconds` for a category; -1 is 30 days. Left out is good. */
export function checkTtl(value: unknown, category: TemplateCategory): Refusal | undefined {
  if (value === undefined) return undefined
  const { min, max, mayBeThirtyDays } = bounds[category]
  if (value === -1 && mayBeThirtyDays) return undefined
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return undefined
  const orThirtyDays = mayBeThirtyDays ? ', or -1' : ''
  return badParameter(
    `message_send_ttl_seconds of ${category} must be ${min} to ${max} seconds${orThirtyDays}`,
  )
}
