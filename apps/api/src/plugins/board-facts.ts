/** What is known of the messages whose jobs are shown: read for the page that is shown, and only for that. */
import { maskPhoneNumber, type Message, type MessageStore } from '@relais/core'
import { isoTime } from '../iso-time.ts'

/** Of one page so many records are read. The board shows ten jobs of each state unless it is asked for more. */
const MOST_READ = 100

const GONE = 'record is gone'

/** What the board shows of a message. No code, no whole number. */
export type MessageFacts = {
  app: string
  /** The last four digits. */
  to: string
  type: Message['type']
  status: Message['status']
  reason?: string
  expiresAt: string
}

type Carrier = { data: unknown }

/** Facts of messages, kept for as long as the jobs that carry them are in memory. */
export function createBoardFacts({ store }: { store: Pick<MessageStore, 'read'> }) {
  const known = new WeakMap<object, MessageFacts | typeof GONE>()

  return {
    /** Reads what is known of the messages of these jobs, of the first hundred. Rejects while Redis does not answer. */
    async read(jobs: readonly Carrier[]): Promise<void> {
      const carriers = jobs.flatMap(({ data }) => (isMessageJob(data) ? [data] : [])).slice(0, MOST_READ)
      const messages = await Promise.all(carriers.map(({ messageId }) => store.read(messageId)))
      for (const [i, data] of carriers.entries()) {
        const message = messages[i]
        known.set(data, message ? factsOf(message) : GONE)
      }
    },

    /** The payload of a job, with what was read. */
    shown: (data: object): object => {
      const facts = known.get(data)
      return facts === undefined ? data : { ...data, message: facts }
    },

    /** The same in one line; undefined for a job about which nothing was read. */
    line(data: object): string | undefined {
      const facts = known.get(data)
      return typeof facts === 'object' ? lineOf(facts) : facts
    },
  }
}

function factsOf({ app, to, type, status, reason, expiresAt }: Message): MessageFacts {
  const facts = { app, to: maskPhoneNumber(to), type, status, expiresAt: isoTime(expiresAt) }
  return { ...facts, ...(reason !== undefined && { reason }) }
}

function lineOf({ app, to, type, status, reason, expiresAt }: MessageFacts): string {
  const end = reason === undefined ? status : `${status}: ${reason}`
  return [`${type} to ${to}`, app, end, `until ${expiresAt}`].join(' · ')
}

function isMessageJob(data: unknown): data is { messageId: string } {
  return (
    typeof data === 'object' && data !== null && 'messageId' in data && typeof data.messageId === 'string'
  )
}
