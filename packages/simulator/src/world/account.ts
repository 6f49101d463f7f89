import {
  accountRestriction,
  accountStanding,
  businessCapability,
  numberUpdate,
  paymentAlert,
} from './account-events.ts'
import {
  newNumber,
  type AccountChanges,
  type AccountState,
  type BusinessState,
  type Changes,
  type NumberState,
} from './account-state.ts'
import type { Clock } from './clock.ts'
import type { Announce } from './template-events.ts'

const NUMBER_CAP = 20
const UPGRADE_MS = 60_000
const UPGRADED_THROUGHPUT = 1000

/** State that a person or a test changes at any moment. Meta's webhooks about it leave through `announce`. */
export function createAccount(deps: {
  businessId: string
  initial: AccountState
  clock: Pick<Clock, 'now' | 'after'>
  announce: Announce
}) {
  const { initial, clock, announce } = deps
  let state = initial
  let numbersById = byId(initial.numbers)

  function put(next: AccountState): void {
    state = next
    numbersById = byId(next.numbers)
  }

  function updateBusiness(changes: Changes<BusinessState>): void {
    const before = state.business
    const business = merge(before, changes)
    put({ ...state, business })
    if (business.standing !== before.standing) {
      if (business.standing === 'restricted') announce('account_update', accountRestriction(clock.now()))
      else announce('account_update', accountStanding(business.standing, clock.now()))
    }
    if (business.hasPaymentProblem !== before.hasPaymentProblem)
      announce('account_alerts', paymentAlert(deps.businessId, business.hasPaymentProblem))
    if (business.messagingLimit !== before.messagingLimit)
      announce('business_capability_update', businessCapability(business.messagingLimit))
  }

  function updateNumber(changes: Changes<NumberState> & { readonly id: string }): void {
    const before = numbersById.get(changes.id)
    const number = merge(before ?? newNumber(changes.id, state.numbers[0]), changes)
    const numbers = before === undefined ? [...state.numbers, number] : inPlace(state.numbers, number)
    put({ ...state, numbers })
    if (before === undefined) tell(number, 'ONBOARDING')
    if (number.isUpgrading && before?.isUpgrading !== true)
      clock.after(UPGRADE_MS, () => finishUpgrade(number.id))
  }

  function tell(number: NumberState, event: 'ONBOARDING' | 'THROUGHPUT_UPGRADE'): void {
    announce('phone_number_quality_update', numberUpdate(number, event, state.business.messagingLimit))
  }

  function finishUpgrade(id: string): void {
    const number = numbersById.get(id)
    if (number?.isUpgrading !== true) return
    updateNumber({ id, isUpgrading: false, throughputPerSecond: UPGRADED_THROUGHPUT })
    tell(number, 'THROUGHPUT_UPGRADE')
  }

  return {
    read: (): AccountState => state,
    number: (id: string) => numbersById.get(id),
    /** Throws a `RangeError` that says what cannot be. */
    update(changes: AccountChanges): AccountState {
      checkNumbers(changes.numbers ?? [], state.numbers)
      if (changes.app !== undefined) put({ ...state, app: merge(state.app, changes.app) })
      if (changes.limits !== undefined) put({ ...state, limits: merge(state.limits, changes.limits) })
      if (changes.business !== undefined) updateBusiness(changes.business)
      for (const number of changes.numbers ?? []) updateNumber(number)
      return state
    },
    /** As it was at the start, without a word to anyone. */
    reset: () => put(initial),
  }
}

export type Account = ReturnType<typeof createAccount>

function checkNumbers(
  changes: readonly (Changes<NumberState> & { readonly id: string })[],
  numbers: readonly NumberState[],
): void {
  const known = new Set(numbers.map(({ id }) => id))
  for (const { id, displayPhoneNumber } of changes) {
    if (!known.has(id) && !/^\d{7,15}$/.test(displayPhoneNumber ?? ''))
      throw new RangeError(`the number ${id} is new: give its displayPhoneNumber, 7 to 15 digits`)
    known.add(id)
  }
  if (known.size > NUMBER_CAP) throw new RangeError(`a business has at most ${NUMBER_CAP} numbers here`)
}

function byId(numbers: readonly NumberState[]): Map<string, NumberState> {
  return new Map(numbers.map((number) => [number.id, number]))
}

function inPlace(numbers: readonly NumberState[], number: NumberState): NumberState[] {
  return numbers.map((other) => (other.id === number.id ? number : other))
}

function merge<T extends object>(before: T, changes: Changes<T>): T {
  const given = Object.entries(changes).filter(([, value]) => value !== undefined)
  return { ...before, ...Object.fromEntries(given) }
}
