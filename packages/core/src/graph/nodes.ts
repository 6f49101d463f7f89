/** How Meta's objects are read: what an operator asks about the number, the business account and its templates. */
import type {
  GraphFault,
  MessageTemplate,
  MessageTemplates,
  NodeHealth,
  PhoneNumberNode,
  SubscribedApps,
} from './answers.ts'
import { fieldOf } from './wire.ts'

/** The longest text of Meta's that is kept of a health report. */
const LONGEST_REASON = 300

/** Every field may be missing. */
export function readPhoneNumber(body: unknown): PhoneNumberNode {
  return {
    kind: 'phone-number',
    ...textField(body, 'display_phone_number', 'displayNumber'),
    ...textField(body, 'verified_name', 'verifiedName'),
    ...textField(body, 'quality_rating', 'qualityRating'),
    ...textField(body, 'status', 'status'),
    ...textField(fieldOf(body, 'throughput'), 'level', 'throughputLevel'),
    ...textField(body, 'whatsapp_business_manager_messaging_limit', 'messagingLimit'),
  }
}

/** Templates without a name or a language are left out. */
export function readTemplates(body: unknown): MessageTemplates | GraphFault {
  const data = listIn(body)
  return data ? { kind: 'templates', templates: data.flatMap(readTemplate) } : noList('message_templates')
}

function readTemplate(node: unknown): MessageTemplate[] {
  const [name, language] = [textOf(node, 'name'), textOf(node, 'language')]
  if (name === undefined || language === undefined) return []
  const ttl = fieldOf(node, 'message_send_ttl_seconds')
  const isSaid = ttl === null || typeof ttl === 'number'
  const template = {
    name,
    language,
    status: textOf(node, 'status') ?? '',
    category: textOf(node, 'category') ?? '',
  }
  return [{ ...template, ...(isSaid && { ttlSeconds: ttl }) }]
}

/** The id may be a number or a text (field reports on ids differ). */
export function readSubscribedApps(body: unknown): SubscribedApps | GraphFault {
  const data = listIn(body)
  if (!data) return noList('subscribed_apps')
  const ids = data.map((node) => fieldOf(fieldOf(node, 'whatsapp_business_api_data'), 'id'))
  return {
    kind: 'subscribed-apps',
    appIds: ids.filter((id) => typeof id === 'string' || typeof id === 'number').map(String),
  }
}

/** How states of several entities combine is not documented: the reasons of all are given. */
export function readHealth(body: unknown): NodeHealth | GraphFault {
  const health = fieldOf(body, 'health_status')
  const canSendMessage = textOf(health, 'can_send_message')
  if (canSendMessage === undefined) return { kind: 'unreachable', detail: 'health_status holds no verdict' }
  const entities = fieldOf(health, 'entities')
  const reasons = (Array.isArray(entities) ? entities : []).flatMap(reasonsOf)
  return { kind: 'health', canSendMessage, reasons }
}

function reasonsOf(entity: unknown): string[] {
  const [errors, info] = [fieldOf(entity, 'errors'), fieldOf(entity, 'additional_info')]
  const described = (Array.isArray(errors) ? errors : []).map((error: unknown) => {
    const parts = [textOf(error, 'error_description'), textOf(error, 'possible_solution')]
    return parts.filter((part) => part !== undefined).join(' ')
  })
  const said = (Array.isArray(info) ? info : []).filter((each) => typeof each === 'string')
  const type = textOf(entity, 'entity_type') ?? 'unknown entity'
  return [...described, ...said].map((reason) => `${type}: ${reason.slice(0, LONGEST_REASON)}`)
}

function listIn(body: unknown): unknown[] | undefined {
  const data = fieldOf(body, 'data')
  return Array.isArray(data) ? data : undefined
}

function noList(edge: string): GraphFault {
  return { kind: 'unreachable', detail: `${edge} answered without a list` }
}

function textOf(node: unknown, name: string): string | undefined {
  const value = fieldOf(node, name)
  return typeof value === 'string' ? value : undefined
}

function textField<K extends string>(node: unknown, name: string, as: K): { [key in K]?: string } {
  const value = textOf(node, name)
  return (value === undefined ? {} : { [as]: value }) as { [key in K]?: string }
}
