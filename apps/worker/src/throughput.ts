/**
 * Use case: does Meta allow this number our pace? Its throughput is asked for when the worker starts and once an hour; what is below the
 * pace of our own lowers it. Every worker asks for itself: one cheap call an hour.
 */
import {
  keepLooking,
  type Events,
  type GraphClient,
  type PacedSender,
  type Pacing,
  type SharedToken,
} from '@relais/core'

const EVERY_MS = 3600_000

/** Without an answer it is asked again so soon: at the start there may be no token yet. */
const AGAIN_MS = 60_000

/**
 * Messages a second by `throughput.level` (Meta, "Throughput"). STANDARD is documented, the name HIGH is not verified. Numbers that are
 * used in the WhatsApp Business app as well have 20, and no level that tells it.
 */
const LIMITS = new Map([
  ['STANDARD', 80],
  ['HIGH', 1000],
])

export function createThroughput(deps: {
  sender: PacedSender & { accessToken: Pick<SharedToken, 'withAccessToken'> }
  graph: Pick<GraphClient, 'phoneNumber'>
  pacing: Pick<Pacing, 'setCeiling'>
  events: Pick<Events, 'senderThroughput'>
}) {
  const { sender, graph, pacing, events } = deps
  let known: string | undefined
  let looking: { close: () => void } | undefined

  return {
    once,

    /** An unpaced sender is not asked about: its operator knows better. */
    start(onError: (error: Error) => void): void {
      if (sender.ratePerSecond > 0)
        looking = keepLooking(once, (isAnswered) => (isAnswered ? EVERY_MS : AGAIN_MS), onError)
    },

    close: () => looking?.close(),
  }

  /** Asks and sets the ceiling of the pace. A level that is not known changes nothing. False: Meta did not tell. */
  async function once(): Promise<boolean> {
    const answer = await sender.accessToken.withAccessToken(
      (bearer) => graph.phoneNumber(sender.phoneNumberId, bearer, ['throughput']),
      () => undefined,
    )
    if (answer?.kind !== 'phone-number') return false
    const level = answer.throughputLevel
    const limit = level === undefined ? undefined : LIMITS.get(level)
    if (level !== undefined && limit !== undefined && level !== known) {
      known = level
      pacing.setCeiling(limit)
      events.senderThroughput(level, limit, limit < sender.ratePerSecond)
    }
    return true
  }
}
