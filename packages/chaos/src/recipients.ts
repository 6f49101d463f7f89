/** Numbers to send to, each message its own, and what is wrong with some of them. */

/** Endings below mean something to the simulator. */
const FIRST_ENDING = 1000
const ENDINGS = 10_000 - FIRST_ENDING

/** Messages that can be told apart by their recipient. */
export const MOST_MESSAGES = 1000 * ENDINGS

/** A valid mobile number of Senegal. */
export function recipientOf(index: number): string {
  const series = String(Math.floor(index / ENDINGS)).padStart(3, '0')
  return `+22177${series}${FIRST_ENDING + (index % ENDINGS)}`
}

/** Profiles of the simulator that trouble one message and not the whole sender, as those of billing, blocks and throughput would. */
export const TROUBLED_PROFILES = [
  'phone off',
  'blocked us',
  'read only',
  'two devices',
  'no WhatsApp',
  'not in the allowed list',
  'expired',
  'pair limit',
  'invalid parameter',
  'something went wrong',
  'service down',
  'reset before acceptance',
  'answer lost',
] as const
