import type { GraphCall } from './call.ts'
import { businessHealth, type HealthIds } from './health.ts'
import type { Management } from './management.ts'
import { readNode, type NodeKind } from './node-fields.ts'
import type { GraphReply } from './reply.ts'
import type { Account } from '../world/account.ts'

const kind: NodeKind = {
  name: 'WhatsAppBusinessAccount',
  defaults: ['name', 'currency', 'timezone_id', 'message_template_namespace'],
}

/** `GET /{waba_id}` */
export function createBusinessAccount(deps: { ids: HealthIds; account: Account; management: Management }) {
  const { ids, account, management } = deps
  return function read(call: GraphCall): GraphReply {
    return management.ofBusiness(call, 'get', () => {
      const state = account.read()
      const { business, numbers } = state
      const node = {
        id: ids.businessId,
        name: numbers[0]?.verifiedName ?? '',
        currency: 'USD',
        timezone_id: '1',
        message_template_namespace: `ns_${ids.businessId}`,
        account_review_status: 'APPROVED',
        business_verification_status: business.isVerified ? 'verified' : 'not_verified',
        status: business.standing === 'good' ? 'ACTIVE' : 'DISABLED',
        health_status: businessHealth(state, ids),
      }
      return readNode(node, call, kind)
    })
  }
}
