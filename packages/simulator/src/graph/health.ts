import type { AccountState, NumberState } from '../world/account-state.ts'
import type { Template } from '../world/template.ts'

type Verdict = 'AVAILABLE' | 'LIMITED' | 'BLOCKED'

type Entity = {
  readonly entity_type: string
  readonly id: string
  readonly can_send_message: Verdict
  readonly errors?: readonly object[]
}

/** Whose health it is. */
export type HealthIds = { readonly businessId: string; readonly appId: string }

/** `health_status` of the business account. */
export function businessHealth(state: AccountState, ids: HealthIds): object {
  return combine([...above(state, ids)])
}

/** `health_status` of a number. */
export function numberHealth(number: NumberState, state: AccountState, ids: HealthIds): object {
  return combine([entity('PHONE_NUMBER', number.id, numberFault(number)), ...above(state, ids)])
}

/** `health_status` of a template. */
export function templateHealth(template: Template, state: AccountState, ids: HealthIds): object {
  const isUsable = template.status === 'APPROVED'
  const fault = isUsable
    ? undefined
    : blocked(132001, `The template is ${template.status}.`, 'Use another one.')
  return combine([entity('MESSAGE_TEMPLATE', template.id, fault), ...above(state, ids)])
}

function above(state: AccountState, { businessId, appId }: HealthIds): Entity[] {
  return [
    entity('WABA', businessId, accountFault(state)),
    entity('BUSINESS', `9${businessId}`, state.business.isVerified ? undefined : NOT_VERIFIED),
    entity('APP', appId),
  ]
}

/** Worst wins. */
function combine(entities: readonly Entity[]): object {
  const verdicts = entities.map((each) => each.can_send_message)
  const worst = (['BLOCKED', 'LIMITED'] as const).find((verdict) => verdicts.includes(verdict))
  return { can_send_message: worst ?? 'AVAILABLE', entities }
}

type Fault = {
  readonly verdict: Verdict
  readonly error: {
    readonly error_code: number
    readonly error_description: string
    readonly possible_solution: string
  }
}

function entity(type: string, id: string, fault?: Fault): Entity {
  return {
    entity_type: type,
    id,
    can_send_message: fault?.verdict ?? 'AVAILABLE',
    ...(fault === undefined ? {} : { errors: [fault.error] }),
  }
}

function accountFault({ business }: AccountState): Fault | undefined {
  if (business.standing === 'restricted')
    return blocked(368, 'The account is restricted for policy violations.', 'Request a review.')
  if (business.standing === 'locked') return blocked(131031, 'The account is locked.', 'Request a review.')
  if (business.hasPaymentProblem)
    return blocked(
      141006,
      'There is an error with the payment method. This will block business initiated conversations.',
      'There was an error with your payment method. Please add a new payment method to the account.',
    )
  return business.isInMaintenance
    ? blocked(131057, 'The account is in maintenance mode.', 'Try again later.')
    : undefined
}

function numberFault(number: NumberState): Fault | undefined {
  const { status, isRegistered, isUpgrading, qualityRating } = number
  if (!isRegistered) return blocked(133010, 'The phone number is not registered.', 'Register it.')
  if (isUpgrading) return blocked(131057, 'The throughput is being upgraded.', 'Try again in a minute.')
  if (status !== 'CONNECTED' && status !== 'FLAGGED')
    return blocked(131031, `The phone number is ${status}.`, 'See WhatsApp Manager.')
  if (status === 'CONNECTED' && qualityRating !== 'RED') return undefined
  const error = { error_code: 131048, error_description: 'Quality is low.', possible_solution: 'Improve it.' }
  return { verdict: 'LIMITED', error }
}

const NOT_VERIFIED: Fault = {
  verdict: 'LIMITED',
  error: {
    error_code: 141010,
    error_description: 'The business has not passed business verification.',
    possible_solution: 'Visit business settings and start or resolve the business verification request.',
  },
}

function blocked(code: number, description: string, solution: string): Fault {
  const error = { error_code: code, error_description: description, possible_solution: solution }
  return { verdict: 'BLOCKED', error }
}
