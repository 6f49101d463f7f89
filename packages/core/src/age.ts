/**
 * The age format (age-encryption.org): what one seals to a public key here, the holder of its private key opens anywhere, also with
 * the standard `age` tool. Relais itself has no private key. Each text is a whole age file, in base64.
 *
 * The library is loaded when it is first needed: most processes never do.
 */
import { Secret } from './secret.ts'
import { SettingsError } from './settings.ts'

/** An X25519 recipient as `age-keygen` prints it. Its check digits are looked at when it is first sealed to. */
export const AGE_RECIPIENT: RegExp = /^age1[02-9ac-hj-np-z]{58}$/

const IDENTITY = /^AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}$/

/** What every age file begins with, in base64 (`age-encryption.org`). */
const AGE_FILE_BASE64 = 'YWdlLWVuY3J5cHRpb24ub3Jn'

/** Seals a text; it is then for the holders of the private keys only. */
export type AgeSeal = (text: string) => Promise<string>

/**
 * Makes the function that seals to all of these recipients: any one of their private keys opens. Tries it once, and throws a
 * `SettingsError` if one of them will not do.
 */
export async function createAgeSeal(recipients: readonly string[]): Promise<AgeSeal> {
  const { Encrypter } = await import('age-encryption')
  const encrypter = new Encrypter()
  for (const [index, recipient] of recipients.entries()) {
    try {
      encrypter.addRecipient(recipient)
      const alone = new Encrypter()
      alone.addRecipient(recipient)
      await alone.encrypt('')
    } catch {
      throw new SettingsError([
        `FALLBACK_PUBLIC_KEY has a fault in entry ${index + 1}: nothing can be sealed to it, there must be a slip in it. ` +
          'Copy it from the identity file once more. Example: FALLBACK_PUBLIC_KEY=age1...',
      ])
    }
  }
  return async (text) => Buffer.from(await encrypter.encrypt(text)).toString('base64')
}

/** Does it look like what `createAgeSeal` makes? */
export function isAgeText(text: string): boolean {
  return text.startsWith(AGE_FILE_BASE64)
}

/** Makes the function that opens such texts. It answers undefined for what none of these identities opens. */
export async function createAgeOpen(
  identities: readonly Secret[],
): Promise<(sealed: string) => Promise<string | undefined>> {
  const { Decrypter } = await import('age-encryption')
  const decrypter = new Decrypter()
  for (const identity of identities) decrypter.addIdentity(identity.reveal())
  return (sealed) => decrypter.decrypt(Buffer.from(sealed, 'base64'), 'text').catch(() => undefined)
}

/** A new key pair: the identity is private, the recipient public. */
export async function makeAgeIdentity(): Promise<{ identity: Secret; recipient: string }> {
  const { generateX25519Identity, identityToRecipient } = await import('age-encryption')
  const identity = await generateX25519Identity()
  return { identity: new Secret(identity), recipient: await identityToRecipient(identity) }
}

/** The identities in the text of an identity file: one a line, `#` begins a comment. Undefined if a line is anything else. */
export function readAgeIdentities(text: string): Secret[] | undefined {
  const lines = text.split('\n').map((line) => line.trim())
  const identities = lines.filter((line) => line !== '' && !line.startsWith('#'))
  if (identities.length === 0 || !identities.every((line) => IDENTITY.test(line))) return undefined
  return identities.map((line) => new Secret(line))
}
