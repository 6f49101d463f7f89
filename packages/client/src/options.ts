import type { CallOptions } from './call.ts'

export type SendOptions = CallOptions & {
  /**
   * 1 to 128 visible ASCII characters: for 24 hours the same request with the same key is one request. A random one unless given; to repeat
   * a call that failed give the `idempotencyKey` of its error.
   */
  idempotencyKey?: string | undefined
}

/** One key for all tries of a call. */
export function keyedBy({ idempotencyKey = crypto.randomUUID() }: SendOptions = {}): {
  idempotencyKey: string
} {
  return { idempotencyKey }
}
