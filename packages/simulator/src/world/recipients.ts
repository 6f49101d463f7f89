import type { Clock } from './clock.ts'
import { keepNewest } from './keep-newest.ts'
import {
  profileByNumber,
  profilesByName,
  type PhoneSwitches,
  type RecipientProfile,
} from './recipient-profiles.ts'

export type { PhoneSwitches } from './recipient-profiles.ts'

/** What can be set for a number or a pattern; what is left out stays. */
export type RecipientChanges = Partial<PhoneSwitches> & {
  /** The name of a profile; it starts anew from that profile's switches. */
  readonly profile?: string | undefined
  /** Off for so many simulated seconds: another way to say `offUntil`. */
  readonly offForSeconds?: number | undefined
  /** The error of a message that could not be delivered in its time to live; `null`: nothing is told. */
  readonly expiresWith?: ExpiryCode | null | undefined
}

/** Meta's habit is not known: nothing at all, or one of these. */
export type ExpiryCode = 131043 | 131026

/** What somebody set, for one number or for all that fit a pattern. */
export type RecipientSetting = {
  readonly target: string
  readonly profile?: string
  readonly switches: Partial<PhoneSwitches>
  readonly expiresWith?: ExpiryCode | null
}

type Setting = {
  profile?: RecipientProfile
  switches: Partial<PhoneSwitches>
  expiresWith?: ExpiryCode | null
}

type Pattern = { readonly matches: RegExp; readonly setting: Setting }

const NUMBER_CAP = 10_000
const PATTERN_CAP = 1000

const allOff: PhoneSwitches = {
  isOff: false,
  hasNoWhatsApp: false,
  hasBlockedUs: false,
  hasReceiptsOff: false,
}

/**
 * The phones of the recipients. A number nobody touched follows its ending or country. `*` in a pattern stands for
 * any digits, `?` for one; a number's own setting wins over patterns, a later pattern over an earlier one. Kept: the
 * newest 10,000 numbers and 1,000 patterns.
 */
export function createRecipients(deps: { clock: Clock; expiresWith: ExpiryCode | null }) {
  const { clock } = deps
  const numbers = new Map<string, Setting>()
  const patterns = new Map<string, Pattern>()
  const listeners = new Set<(target: string) => void>()

  function settingsOf(number: string): Setting[] {
    if (numbers.size === 0 && patterns.size === 0) return []
    const fitting = [...patterns.values()].filter(({ matches }) => matches.test(number))
    const own = numbers.get(number)
    return [...fitting.map(({ setting }) => setting), ...(own === undefined ? [] : [own])]
  }

  function profileOf(number: string): RecipientProfile {
    return settingsOf(number).findLast(({ profile }) => profile)?.profile ?? profileByNumber(number)
  }

  function switches(number: string): PhoneSwitches {
    const settings = settingsOf(number)
    if (settings.length === 0) return switchesOf(profileByNumber(number))
    let current: PhoneSwitches = switchesOf(profileByNumber(number))
    for (const { profile, switches: changed } of settings) {
      if (profile !== undefined) current = switchesOf(profile)
      current = { ...current, ...changed }
    }
    const { offUntil, ...rest } = current
    if (offUntil === undefined) return rest
    return offUntil > clock.now() ? { ...rest, isOff: true, offUntil } : { ...rest, isOff: false }
  }

  /** `target`: `+E.164`, or a pattern such as `+22177123*`. Throws on a malformed target or an unknown profile. */
  function set(target: string, changes: RecipientChanges): void {
    const key = readTarget(target)
    const before = numbers.get(key) ?? patterns.get(key)?.setting ?? { switches: {} }
    const setting = changed(before, changes, clock.now())
    if (isPattern(key)) keepNewest(patterns, key, { matches: patternOf(key), setting }, PATTERN_CAP)
    else keepNewest(numbers, key, setting, NUMBER_CAP)
    const { offUntil } = setting.switches
    if (offUntil !== undefined) clock.after(offUntil - clock.now(), () => tell(key))
    tell(key)
  }

  function tell(target: string): void {
    for (const listener of listeners) listener(target)
  }

  return {
    profileOf,
    switches,
    set,
    /** The error told when a message to this number expires; `null`: none. */
    expiresWith: (number: string): ExpiryCode | null =>
      settingsOf(number).findLast(({ expiresWith }) => expiresWith !== undefined)?.expiresWith ??
      deps.expiresWith,
    /** What was set, patterns first, oldest first. */
    list: (): RecipientSetting[] => [
      ...[...patterns].map(([target, { setting }]) => summary(target, setting)),
      ...[...numbers].map(([target, setting]) => summary(target, setting)),
    ],
    /** Calls back with the number or pattern that changed, also when an off phone's time is over. */
    onChange(listener: (target: string) => void): () => void {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    /** Every number follows its ending or country again. */
    clear(): void {
      numbers.clear()
      patterns.clear()
      tell('*')
    },
  }
}

export type Recipients = ReturnType<typeof createRecipients>

const switchesByProfile = new Map<RecipientProfile, PhoneSwitches>()

/** The same object every time: it is asked for several times a message. */
function switchesOf(profile: RecipientProfile): PhoneSwitches {
  if (profile.switches === undefined) return allOff
  const known = switchesByProfile.get(profile)
  if (known !== undefined) return known
  const switches = { ...allOff, ...profile.switches }
  switchesByProfile.set(profile, switches)
  return switches
}

function changed(before: Setting, changes: RecipientChanges, now: number): Setting {
  const { profile, offForSeconds, expiresWith = before.expiresWith, ...given } = changes
  const named = profile === undefined ? before.profile : findProfile(profile)
  const isOffAnew = given.isOff !== undefined || offForSeconds !== undefined
  const switches: Partial<PhoneSwitches> = {
    ...(profile === undefined ? before.switches : {}),
    ...(isOffAnew ? { offUntil: undefined } : {}),
    ...given,
    ...(offForSeconds === undefined ? {} : { offUntil: now + offForSeconds * 1000 }),
  }
  return {
    switches,
    ...(named === undefined ? {} : { profile: named }),
    ...(expiresWith === undefined ? {} : { expiresWith }),
  }
}

function findProfile(name: string): RecipientProfile {
  const profile = profilesByName.get(name)
  if (profile === undefined)
    throw new RangeError(`no profile "${name}": one of ${[...profilesByName.keys()].join(', ')}`)
  return profile
}

function readTarget(target: string): string {
  const compact = target.replace(/[-() ]/g, '')
  if (compact === '*' || /^\+[\d*?]{1,20}$/.test(compact)) return compact
  throw new RangeError('a recipient is +E.164 or a pattern of digits, * and ?, for example +22177123*')
}

function isPattern(target: string): boolean {
  return /[*?]/.test(target)
}

/** Runs of stars and question marks have one star at most: many would take for ever to try out. */
function patternOf(target: string): RegExp {
  const plain = target.replace(/[*?]+/g, (run) => run.replaceAll('*', '') + (run.includes('*') ? '*' : ''))
  const digits = plain.replace('+', '\\+').replaceAll('?', '\\d').replaceAll('*', '\\+?\\d*')
  return new RegExp(`^${digits}$`)
}

function summary(target: string, { profile, switches, expiresWith }: Setting): RecipientSetting {
  return {
    target,
    ...(profile === undefined ? {} : { profile: profile.name }),
    switches,
    ...(expiresWith === undefined ? {} : { expiresWith }),
  }
}
