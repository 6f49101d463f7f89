import { createClaims, createPacing, type createKeys, type PacedSender, type RedisClient } from '@relais/core'

/** A pacing, and the slots of it as claims draw them. */
export function pacingWithSlots(options: {
  redis: RedisClient
  keys: ReturnType<typeof createKeys>
  nowMicros?: () => number
}) {
  const pacing = createPacing(options)
  const claims = createClaims({ ...options, pacing })
  return {
    ...pacing,

    /** Draws up to `most` slots: how far away they are, and when it is worth asking again, in milliseconds. */
    async draw(
      sender: PacedSender,
      most: number,
      unused = 0,
    ): Promise<{ slotsMs: number[]; nextMs: number }> {
      const asks = Array.from({ length: most }, () => ({ kind: 'slot' as const }))
      const { answers, nextMs } = await claims.take(sender, asks, unused)
      const slotsMs = answers.flatMap((answer) => (answer.kind === 'slot' ? [answer.slotMs ?? 0] : []))
      return { slotsMs, nextMs }
    },
  }
}

export type PacingWithSlots = ReturnType<typeof pacingWithSlots>
