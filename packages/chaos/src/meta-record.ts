/** What Meta took and handed to phones, read from the simulator a part at a time: it keeps only the newest messages. */
import { MESSAGE_CAP, type ReceivedMessage, type Simulator } from '@relais/simulator'
import type { Taken } from './records.ts'

export function createMetaRecord(simulator: Pick<Simulator, 'messages' | 'state'>) {
  const taken: Taken[] = []
  /** Those whose phones have not got them yet. */
  let onTheirWay: { message: ReceivedMessage; row: Taken }[] = []
  let seen = 0

  return {
    taken: (): readonly Taken[] => taken,

    /** Has to be called before `MESSAGE_CAP` further messages have come. */
    drain(): void {
      const total = simulator.state().messages
      if (total - seen > MESSAGE_CAP) throw new Error(`${total - seen - MESSAGE_CAP} messages were missed`)
      for (const message of total > seen ? simulator.messages().slice(seen - total) : []) {
        const { to, text, acceptedAt: at } = message
        const row: Taken = { to, text, at }
        taken.push(row)
        onTheirWay.push({ message, row })
      }
      seen = total
      onTheirWay = onTheirWay.filter(({ message, row }) => !isDelivered(message, row))
    },
  }
}

/** `read` without `delivered` is a delivery as well. */
function isDelivered({ statuses }: ReceivedMessage, row: Taken): boolean {
  const arrival = statuses.find(({ status }) => status === 'delivered' || status === 'read')
  if (arrival) row.deliveredAt = arrival.at
  return arrival !== undefined
}
