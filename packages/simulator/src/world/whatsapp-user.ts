import { createHash } from 'node:crypto'
import { callingCodeOf } from './phone-number.ts'

/** A person on WhatsApp, as webhooks describe them. */
export type WhatsAppUser = { readonly waId: string; readonly userId: string; readonly profileName: string }

const REMEMBERED_USERS = 10_000
const users = new Map<string, WhatsAppUser>()

/** The WhatsApp account behind `+E.164`. The same number is always the same person. */
export function whatsAppUser(number: string): WhatsAppUser {
  const known = users.get(number)
  if (known !== undefined) return known
  // Each status asks, and hashing is the dear part of building it.
  if (users.size >= REMEMBERED_USERS) users.clear()
  const user = describe(number)
  users.set(number, user)
  return user
}

function describe(number: string): WhatsAppUser {
  const waId = waIdOf(number)
  const hash = createHash('sha256').update(waId).digest()
  const country = countries[callingCodeOf(waId)] ?? 'ZZ'
  return {
    waId,
    userId: `${country}.${hash.readBigUInt64BE(0).toString().padStart(20, '1')}`,
    profileName: profileNames[hash.readUInt8(8) % profileNames.length] ?? 'Awa D.',
  }
}

/** WhatsApp writes Mexican numbers with a 1, and those of most of Brazil without their ninth digit. */
export function waIdOf(number: string): string {
  const digits = number.slice(1)
  if (/^52[2-9]\d{9}$/.test(digits)) return `521${digits.slice(2)}`
  if (/^55[3-9]\d9\d{8}$/.test(digits)) return `${digits.slice(0, 4)}${digits.slice(5)}`
  return digits
}

const countries: Readonly<Record<string, string>> = {
  '1': 'US',
  '20': 'EG',
  '27': 'ZA',
  '32': 'BE',
  '33': 'FR',
  '34': 'ES',
  '39': 'IT',
  '41': 'CH',
  '44': 'GB',
  '49': 'DE',
  '52': 'MX',
  '55': 'BR',
  '91': 'IN',
  '212': 'MA',
  '213': 'DZ',
  '216': 'TN',
  '221': 'SN',
  '223': 'ML',
  '224': 'GN',
  '225': 'CI',
  '226': 'BF',
  '228': 'TG',
  '229': 'BJ',
  '234': 'NG',
  '237': 'CM',
  '254': 'KE',
}

const profileNames = [
  'Awa D.',
  'Pablo M.',
  'Fatou S.',
  'Inès B.',
  'Moussa N.',
  'Aïcha K.',
  'Léo R.',
  'Mariama T.',
]
