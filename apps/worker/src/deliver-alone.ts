/**
 * Use case: one attempt at a message that may be what kills its workers. Such messages go one at a time, and each is counted before it
 * is begun with and forgotten when it is over: what is left of the count are the workers that died with this one in hand, not those
 * that died with it somewhere among fifty. After a few of them the message goes to the fallback, and the others live.
 */
import { isSettled, type Events, type MessageStore, type Unsettled } from '@relais/core'
import type { Deliver } from './deliver.ts'
import type { EndMessage } from './end-message.ts'
import { DONE, type Delivery } from './take-step.ts'

/** With the two that made it a suspect these are four workers, and less than a minute. */
const MOST_RUNS = 2

export function createDeliverAlone(deps: {
  store: MessageStore
  unsettled: Unsettled
  end: EndMessage
  deliver: Deliver
  events: Events
}): Deliver {
  const { store, unsettled, end, deliver, events } = deps
  let lastInLine: Promise<unknown> = Promise.resolve()

  return (messageId, priority) => {
    const turn = lastInLine.then(() => counted(messageId, priority))
    lastInLine = turn.catch(() => undefined)
    return turn
  }

  async function counted(messageId: string, priority: number | undefined): Promise<Delivery> {
    const runs = await unsettled.countRun(messageId, 'begins')
    if (runs > MOST_RUNS) return giveUp(messageId, runs - 1)
    const delivery = await deliver(messageId, priority)
    await unsettled.countRun(messageId, 'over')
    return delivery
  }

  async function giveUp(messageId: string, runs: number): Promise<Delivery> {
    const message = await store.read(messageId)
    if (!message || isSettled(message.status)) return DONE
    // Found in the middle of a send it may be with Meta already: that is what its reader has to know.
    const reason = message.status === 'queued' ? 'worker_lost' : 'outcome_unknown'
    const detail = 'its workers died with it'
    const { reason: final } = await end.fallBack(message, { reason, detail, claims: message.claims })
    if (!final) return DONE
    events.workerKiller(message, runs)
    return { kind: 'fell-back', reason: final }
  }
}
