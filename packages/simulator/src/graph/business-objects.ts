import { unknownObject, type CallerCheck } from './caller-check.ts'
import type { GraphCall } from './call.ts'
import { refuse, reply, type GraphReply, type Refusal } from './reply.ts'
import type { Template, Templates } from '../world/templates.ts'

type Fields = Readonly<Record<string, unknown>>

/** The objects an operator reads: the phone number, the business account and its lists. */
export function createBusinessObjects(deps: {
  phoneNumberId: string
  businessId: string
  appId: string
  displayPhoneNumber: string
  verifiedName: string
  caller: CallerCheck
  templates: Templates
}) {
  const { phoneNumberId, businessId } = deps
  const phoneNumber = phoneNumberFields(deps)
  const business = {
    id: businessId,
    name: deps.verifiedName,
    currency: 'USD',
    timezone_id: '1',
    health_status: healthOf([['WABA', businessId], ...above(deps)]),
  }

  function guarded(call: GraphCall, node: string, read: () => GraphReply): GraphReply {
    const caller = deps.caller.check(call)
    if (caller.refusal !== undefined) return refuse(caller.refusal)
    if (call.node !== node) return refuse(unknownObject('get', call.node))
    const mayRead = caller.value.scopes.includes('whatsapp_business_management')
    return mayRead ? read() : refuse({ graphCode: 10 })
  }

  return {
    /** `GET /{id}`: the phone number or the business account. */
    node: (call: GraphCall): GraphReply =>
      call.node === businessId
        ? guarded(call, businessId, () => pick(business, call, 'WhatsAppBusinessAccount', ['id', 'name']))
        : guarded(call, phoneNumberId, () => pick(phoneNumber, call, PHONE, defaultPhoneFields)),
    phoneNumbers: (call: GraphCall): GraphReply =>
      guarded(call, businessId, () => list([phoneNumber], call, PHONE, defaultPhoneFields)),
    messageTemplates: (call: GraphCall): GraphReply =>
      guarded(call, businessId, () => {
        const named = deps.templates.all().map(templateFields).filter(nameFilter(call.query['name']))
        return list(named, call, 'WhatsAppMessageTemplate', defaultTemplateFields)
      }),
  }
}

export type BusinessObjects = ReturnType<typeof createBusinessObjects>

const PHONE = 'WhatsAppBusinessPhoneNumber'
const defaultPhoneFields =
  'verified_name code_verification_status display_phone_number quality_rating platform_type throughput id'.split(
    ' ',
  )
const defaultTemplateFields = 'name language status category components id'.split(' ')

type Identity = {
  phoneNumberId: string
  businessId: string
  appId: string
  displayPhoneNumber: string
  verifiedName: string
}

function phoneNumberFields(identity: Identity): Fields {
  return {
    id: identity.phoneNumberId,
    verified_name: identity.verifiedName,
    display_phone_number: identity.displayPhoneNumber,
    status: 'CONNECTED',
    quality_rating: 'GREEN',
    code_verification_status: 'VERIFIED',
    name_status: 'APPROVED',
    platform_type: 'CLOUD_API',
    throughput: { level: 'STANDARD' },
    account_mode: 'LIVE',
    whatsapp_business_manager_messaging_limit: 'TIER_2K',
    health_status: healthOf([
      ['PHONE_NUMBER', identity.phoneNumberId],
      ['WABA', identity.businessId],
      ...above(identity),
    ]),
  }
}

function above({ businessId, appId }: Identity | { businessId: string; appId: string }): [string, string][] {
  return [
    ['BUSINESS', `9${businessId}`],
    ['APP', appId],
  ]
}

function healthOf(entities: readonly [string, string][]): object {
  const available = entities.map(([type, id]) => ({ entity_type: type, id, can_send_message: 'AVAILABLE' }))
  return { can_send_message: 'AVAILABLE', entities: available }
}

function pick(fields: Fields, call: GraphCall, type: string, defaults: readonly string[]): GraphReply {
  const asked = askedFields(call, defaults)
  const refusal = nonexistingField(fields, asked, type)
  return refusal === undefined ? reply(subset(fields, asked)) : refuse(refusal)
}

function list(
  items: readonly Fields[],
  call: GraphCall,
  type: string,
  defaults: readonly string[],
): GraphReply {
  const asked = askedFields(call, defaults)
  const refusal = items[0] === undefined ? undefined : nonexistingField(items[0], asked, type)
  if (refusal !== undefined) return refuse(refusal)
  const limit = Number(call.query['limit'] ?? 25)
  const data = items.slice(0, limit > 0 ? limit : 25).map((item) => subset(item, asked))
  return reply({ data, paging: { cursors: { before: 'MAZDZD', after: 'MjQZD' } } })
}

/** `id` always comes along. */
function askedFields(call: GraphCall, defaults: readonly string[]): string[] {
  const asked = call.query['fields']?.split(',').map((field) => field.trim()) ?? defaults
  return [...new Set([...asked.filter((field) => field !== ''), 'id'])]
}

/** One field the object does not have makes the whole call fail. */
function nonexistingField(fields: Fields, asked: readonly string[], type: string): Refusal | undefined {
  const stranger = asked.find((field) => !Object.hasOwn(fields, field))
  if (stranger === undefined) return undefined
  return {
    graphCode: 100,
    sentence: `(#100) Tried accessing nonexisting field (${stranger}) on node type (${type})`,
  }
}

function subset(fields: Fields, asked: readonly string[]): object {
  return Object.fromEntries(asked.map((field) => [field, fields[field]]))
}

function nameFilter(name: string | undefined): (fields: Fields) => boolean {
  return (fields) => name === undefined || fields['name'] === name
}

function templateFields(template: Template, position: number): Fields {
  return {
    id: String(594_425_479_261_000 + position),
    name: template.name,
    language: template.language,
    status: template.status,
    category: template.category,
    components: componentsOf(template),
    quality_score: { score: 'UNKNOWN' },
    rejected_reason: 'NONE',
  }
}

/** The button of an authentication template is created as OTP and stored as URL. */
function componentsOf(template: Template): object[] {
  const body = { type: 'BODY', text: template.body }
  if (template.category !== 'AUTHENTICATION') return [body]
  const url = 'https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code=otp{{1}}'
  const minutes = template.codeExpirationMinutes
  return [
    { ...body, add_security_recommendation: true },
    ...(minutes === undefined ? [] : [{ type: 'FOOTER', code_expiration_minutes: minutes }]),
    { type: 'BUTTONS', buttons: [{ type: 'URL', text: 'Copy code', url, example: [`${url}123456`] }] },
  ]
}
