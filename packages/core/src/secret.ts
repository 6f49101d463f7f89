import { createHash } from 'node:crypto'
import { inspect } from 'node:util'

/**
 * A value that must not be seen by accident. However it is printed, joined, logged or serialised, it reads
 * `[secret]`; the one way to the text is `reveal()`, which is easy to find in a review.
 */
export class Secret {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  /** The text itself. Call it as late as possible and do not keep the answer. */
  reveal(): string {
    return this.#text
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }

  [inspect.custom](): string {
    return '[secret]'
  }
}

/** What a secret is told by where people can see it: the first eight hex digits of its SHA-256. */
export function fingerprint(secret: Secret): string {
  return createHash('sha256').update(secret.reveal()).digest('hex').slice(0, 8)
}
