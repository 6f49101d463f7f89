import {
  createAgeOpen,
  createAgeSeal,
  isAgeText,
  makeAgeIdentity,
  readAgeIdentities,
  SettingsError,
} from '@relais/core'
import { describe, expect, it } from 'vitest'

describe('a text sealed to age recipients', () => {
  it('is a whole age file in base64, opens for each recipient, and for nobody else', async () => {
    const [first, second, stranger] = await Promise.all([
      makeAgeIdentity(),
      makeAgeIdentity(),
      makeAgeIdentity(),
    ])
    const seal = await createAgeSeal([first.recipient, second.recipient])
    const sealed = await seal('000123')
    expect(isAgeText(sealed)).toBe(true)
    expect(Buffer.from(sealed, 'base64').toString('base64')).toBe(sealed)
    expect(Buffer.from(sealed, 'base64').toString('latin1')).toMatch(/^age-encryption\.org\/v1\n-> X25519 /)
    expect(await (await createAgeOpen([first.identity]))(sealed)).toBe('000123')
    expect(await (await createAgeOpen([stranger.identity, second.identity]))(sealed)).toBe('000123')
    expect(await (await createAgeOpen([stranger.identity]))(sealed)).toBeUndefined()
  })

  it('is another each time, and damaged does not open', async () => {
    const { identity, recipient } = await makeAgeIdentity()
    const seal = await createAgeSeal([recipient])
    const [one, other] = [await seal('482913'), await seal('482913')]
    expect(one).not.toBe(other)
    const open = await createAgeOpen([identity])
    const bytes = Buffer.from(one, 'base64')
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1)
    expect(await open(bytes.toString('base64'))).toBeUndefined()
    expect(await open('no age at all')).toBeUndefined()
  })
})

describe('a recipient that will not do', () => {
  it('is refused before anything is sealed: a slip in it', async () => {
    const { recipient } = await makeAgeIdentity()
    const slip = recipient.slice(0, -1) + (recipient.endsWith('q') ? 'p' : 'q')
    await expect(createAgeSeal([recipient, slip])).rejects.toThrow(SettingsError)
    await expect(createAgeSeal([recipient, slip])).rejects.toThrow(
      'FALLBACK_PUBLIC_KEY has a fault in entry 2',
    )
  })

  it('is refused before anything is sealed: the point that makes every secret the same', async () => {
    // 32 zero bytes, with the check digits that fit.
    const zero = `age1${'q'.repeat(52)}5cu47z`
    await expect(createAgeSeal([zero])).rejects.toThrow(SettingsError)
  })
})

describe('an identity file', () => {
  it('holds identities and comments, and nothing else', async () => {
    const [first, second] = await Promise.all([makeAgeIdentity(), makeAgeIdentity()])
    const text = `# public key: ${first.recipient}\n${first.identity.reveal()}\n\n${second.identity.reveal()}\n`
    expect(readAgeIdentities(text)?.map((each) => each.reveal())).toEqual([
      first.identity.reveal(),
      second.identity.reveal(),
    ])
    for (const other of [
      '',
      '# nothing\n',
      first.recipient,
      `${first.identity.reveal()}x`,
      'AGE-SECRET-KEY-1Q',
    ])
      expect(readAgeIdentities(other)).toBeUndefined()
  })
})
