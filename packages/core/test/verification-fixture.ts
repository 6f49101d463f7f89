import { randomBytes } from 'node:crypto'
import {
  createAcceptance,
  createMessageStore,
  createSealer,
  createVerifications,
  messageIdOf,
  newSeed,
  Secret,
  type EncryptionKey,
  type Message,
  type VerificationBirth,
} from '@relais/core'
import { uniquePrefix } from '@relais/testing'
import { newMessage } from './message-fixture.ts'
import { redisFixture } from './redis-fixture.ts'

export function newKey(id: string): EncryptionKey {
  return { id, key: new Secret(randomBytes(32).toString('base64')) }
}

/** Verifications in a Redis, and their messages as acceptance makes them. */
export function verificationFixture(ring: EncryptionKey[] = [newKey('k1')]) {
  const { redis, keys } = redisFixture()
  const of = (encryptionKeys: EncryptionKey[]) =>
    createVerifications({ redis, keys, sealer: createSealer(encryptionKeys), encryptionKeys })
  const verifications = of(ring)
  const store = createMessageStore({ redis, keys, encryptionKeys: ring })
  const { accept } = createAcceptance({ redis, keys, prefix: uniquePrefix(), encryptionKeys: ring })
  let made = 0

  /** A recipient that no other verification has. */
  const recipient = () => `+2217${String((made += 1)).padStart(8, '0')}`

  return {
    redis,
    keys,
    verifications,
    store,
    accept,
    of,

    /** A verification of this code, with a message of its own. */
    async start(
      code: string,
      over: Partial<Message> = {},
    ): Promise<VerificationBirth & { message: Message }> {
      const message = newMessage({ id: messageIdOf(newSeed(), 0), to: recipient(), ...over })
      const world = message.isTest ? 'wallet test' : 'wallet'
      const verification = verifications.birthOf(message, world, code)
      await accept(message, 'sealed', { verification })
      return { ...verification, message }
    },

    /** As the app that has it. */
    check: (id: string, guess: string, more: { world?: string; repeat?: string } = {}) =>
      verifications.check({ id, guess, world: 'wallet', ...more }),

    /** Lets its deadline be so far away. */
    async setLeft(id: string, leftMs: number): Promise<void> {
      await redis.hset(keys.verification(id), 'expiresAt', Date.now() + leftMs)
    },

    /** Lets it be sent again now. */
    async mayResend(id: string): Promise<void> {
      await redis.hset(keys.verification(id), 'resendAt', Date.now() - 1)
    },

    /** Counts one more resend. */
    reserve(id: string, more: { repeat?: string; world?: string } = {}) {
      const seed = newSeed()
      return verifications.reserveResend({
        id,
        world: 'wallet',
        seed,
        messageId: messageIdOf(seed, 0),
        ...more,
      })
    },
  }
}
