/** `reseal`: what lives under an old encryption key is sealed under the first, so that the old one may go. */
import {
  createReseal,
  createSealedPlaces,
  readSettings,
  whatsappSettings,
  type SealedCounts,
} from '@relais/core'
import type { CommandContext } from '../command.ts'
import { withRedis } from '../with-redis.ts'
import { json, printable } from '../printable.ts'

/** Answers 1 if something is left under another key than the first. */
export function reseal(context: CommandContext): Promise<number> {
  const environment = context.environment()
  const isDryRun = context.values['dry-run'] === true
  const { phoneNumberId } = whatsappSettings
  const { phoneNumberId: senderId } = readSettings(environment, { phoneNumberId })
  return withRedis(environment, async ({ redis, keys, sealer, encryptionKeys, audit, actor }) => {
    const places = createSealedPlaces({ redis, keys, senderId })
    const work = createReseal({ redis, sealer, places })
    const resealed = isDryRun ? 0 : await work.reseal()
    const counts = await work.count()
    const first = encryptionKeys[0]?.id ?? ''
    const rows = [...new Set([...encryptionKeys.map(({ id }) => id), ...Object.keys(counts)])].map((id) => ({
      key: id,
      ...(id === first && { isFirst: true as const }),
      isKnown: encryptionKeys.some((each) => each.id === id),
      left: counts[id] ?? {},
      total: totalOf(counts, id),
    }))
    const old = rows.filter(({ key }) => key !== first).reduce((sum, { total }) => sum + total, 0)
    if (!isDryRun)
      await audit.append({
        actor,
        action: 'secrets.resealed',
        subject: first,
        detail: { resealed, left: old },
      })
    const { print, paint } = context
    if (context.values['json']) {
      print(json({ isDryRun, resealed, left: old, keys: rows }))
      return old > 0 ? 1 : 0
    }
    print(isDryRun ? 'Nothing was changed.\n' : `${resealed} sealed anew under ${first}.\n`)
    for (const { key, left, isFirst, isKnown, total } of rows) {
      const where = Object.entries(left).map(([place, count]) => `${count} ${place}`)
      const what = isFirst ? 'seals' : isKnown ? 'opens' : 'NOT IN ENCRYPTION_KEYS'
      print(
        `  ${printable(key).padEnd(16)} ${what.padEnd(8)} ${total === 0 ? 'nothing' : where.join(', ')}\n`,
      )
    }
    if (old > 0)
      print(
        paint.red(
          'Something is under another key than the first. Keep that key; do all processes have the new one first?\n',
        ),
      )
    else
      print(
        'Nothing is left under another key. Old keys may go a day after the last process had one as its first.\n',
      )
    return old > 0 ? 1 : 0
  })
}

function totalOf(counts: SealedCounts, key: string): number {
  return Object.values(counts[key] ?? {}).reduce((sum, count) => sum + count, 0)
}
