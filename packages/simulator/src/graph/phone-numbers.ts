import type { GraphCall } from './call.ts'
import { numberHealth, type HealthIds } from './health.ts'
import type { Management } from './management.ts'
import { readNode, readNodes, type NodeFields, type NodeKind } from './node-fields.ts'
import { badParameter, refuse, reply, type GraphReply, type Refusal } from './reply.ts'
import type { Account } from '../world/account.ts'
import type { NumberState } from '../world/account-state.ts'

const kind: NodeKind = {
  name: 'WhatsAppBusinessPhoneNumber',
  defaults: [
    'verified_name',
    'code_verification_status',
    'display_phone_number',
    'quality_rating',
    'platform_type',
    'throughput',
  ],
}

const UPGRADED_THROUGHPUT = 1000
const REGISTRATIONS = 10
const REGISTRATION_WINDOW_MS = 72 * 3_600_000

/** The numbers of the business: read, registered, deregistered. */
export function createPhoneNumbers(deps: {
  ids: HealthIds
  account: Account
  management: Management
  now: () => number
}) {
  const { account, ids, management } = deps
  /** Times of registrations and their opposites, by number; a handful of each. */
  const changedAt = new Map<string, number[]>()

  function fieldsOf(number: NumberState): NodeFields {
    const state = account.read()
    const level = number.throughputPerSecond >= UPGRADED_THROUGHPUT ? 'HIGH' : 'STANDARD'
    const isConnected = number.isRegistered || number.status !== 'CONNECTED'
    return {
      id: number.id,
      verified_name: number.verifiedName,
      display_phone_number: number.displayPhoneNumber,
      status: isConnected ? number.status : 'DISCONNECTED',
      quality_rating: number.qualityRating,
      code_verification_status: number.status === 'UNVERIFIED' ? 'NOT_VERIFIED' : 'VERIFIED',
      name_status: number.nameStatus,
      platform_type: number.isRegistered ? 'CLOUD_API' : 'NOT_APPLICABLE',
      throughput: { level: number.isRegistered ? level : 'NOT_APPLICABLE' },
      account_mode: number.accountMode,
      is_pin_enabled: number.pin !== null,
      messaging_limit_tier: state.business.messagingLimit,
      whatsapp_business_manager_messaging_limit: state.business.messagingLimit,
      health_status: numberHealth(number, state, ids),
    }
  }

  /** A deleted number is gone from everything but a send, which says why. */
  function find(id: string): NumberState | undefined {
    const number = account.number(id)
    return number?.status === 'DELETED' ? undefined : number
  }

  function change(call: GraphCall, apply: (number: NumberState) => Refusal | undefined): GraphReply {
    return management.guard(call, 'post', find, (number) => {
      const refusal = takeRegistration(number.id) ?? apply(number)
      return refusal === undefined ? reply({ success: true }) : refuse(refusal)
    })
  }

  function takeRegistration(id: string): Refusal | undefined {
    const since = deps.now() - REGISTRATION_WINDOW_MS
    const recent = (changedAt.get(id) ?? []).filter((at) => at > since)
    if (recent.length >= REGISTRATIONS) return { graphCode: 133016 }
    changedAt.set(id, [...recent, deps.now()])
    return undefined
  }

  return {
    has: (id: string) => find(id) !== undefined,
    /** `GET /{phone_number_id}` */
    read: (call: GraphCall): GraphReply =>
      management.guard(call, 'get', find, (number) => readNode(fieldsOf(number), call, kind)),
    /** `GET /{waba_id}/phone_numbers` */
    list: (call: GraphCall): GraphReply =>
      management.ofBusiness(call, 'get', () =>
        readNodes(
          account
            .read()
            .numbers.filter(({ status }) => status !== 'DELETED')
            .map(fieldsOf),
          call,
          kind,
        ),
      ),
    /** `POST /{phone_number_id}/register {messaging_product, pin}` */
    register: (call: GraphCall): GraphReply =>
      change(call, ({ id, pin }) => {
        const refusal = checkRegistration(call, pin)
        if (refusal === undefined) account.update({ numbers: [{ id, isRegistered: true, pin: pinOf(call) }] })
        return refusal
      }),
    /** `POST /{phone_number_id}/deregister` */
    deregister: (call: GraphCall): GraphReply =>
      change(call, ({ id, isRegistered }) => {
        if (!isRegistered) return { graphCode: 133010 }
        account.update({ numbers: [{ id, isRegistered: false }] })
        return undefined
      }),
    reset: () => changedAt.clear(),
  }
}

export type PhoneNumbers = ReturnType<typeof createPhoneNumbers>

function pinOf({ body }: GraphCall): string {
  const pin = body?.['pin']
  return typeof pin === 'string' ? pin : ''
}

function checkRegistration(call: GraphCall, pin: string | null): Refusal | undefined {
  if (call.body?.['messaging_product'] !== 'whatsapp')
    return badParameter('The parameter messaging_product is required.')
  if (!/^\d{6}$/.test(pinOf(call))) return badParameter('Param pin must be six digits')
  return pin === null || pin === pinOf(call) ? undefined : { graphCode: 133005 }
}
