/** What of a job is shown on the board: nothing that could hold a code, a token, or somebody's number. */
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import { fieldOf, listOf, type MessageStore, type QueueName, type ReceiptsJob } from '@relais/core'
import type { Job, Queue } from 'bullmq'
import { createBoardFacts } from './board-facts.ts'
import { QUEUE_TEXTS } from './board-queues.ts'

/** Why messages went to the fallback, in our own words. */
const OUR_REASON = /^fallback: [a-z_]+$/

const SOME_FAULT = 'a fault: see the log line job.failed of this job'
const HIDDEN = '[hidden]'

const MESSAGE_ID = /^[A-Za-z0-9_-]{1,128}$/

/** @param deps.store where the facts of a job's message are read */
export function shownOnBoard(
  queue: Queue,
  deps: { store: Pick<MessageStore, 'read'>; readOnlyMode: boolean },
): BullMQAdapter {
  const facts = createBoardFacts(deps)
  const adapter = new BullMQAdapter(queue, {
    readOnlyMode: deps.readOnlyMode,
    ...QUEUE_TEXTS[queue.name as QueueName],
    // Its types want a link for each job; it shows none where there is none.
    externalJobUrl: ({ data }) => pageOf(data) as { href: string },
  })
  adapter.setFormatter('data', (data: object) => facts.shown(withoutProviderIds(data)))
  adapter.setFormatter('name', ({ name, data }: Job<object>) => facts.line(data) ?? name)
  // Formatters do not reach these: the texts of errors are others' words, and may quote anything.
  const getJob = adapter.getJob.bind(adapter)
  const getJobs = adapter.getJobs.bind(adapter)
  adapter.getJob = async (id) => {
    const job = withoutTexts(await getJob(id))
    if (job) await facts.read([job])
    return job
  }
  adapter.getJobs = async (states, start, end) => {
    const jobs = (await getJobs(states, start, end)).map(withoutTexts)
    // Without an end they are not for a page: all of them are about to be changed.
    if (end !== undefined && end >= 0) await facts.read(jobs)
    return jobs
  }
  adapter.getJobLogs = async () => []
  return adapter
}

function withoutTexts<J extends Job | undefined>(job: J): J {
  if (!job) return job
  job.stacktrace = []
  job.returnvalue = null
  if (job.failedReason && !OUR_REASON.test(job.failedReason)) job.failedReason = SOME_FAULT
  if (job.deferredFailure) job.deferredFailure = SOME_FAULT
  return job
}

/** Meta's id of a message holds the recipient's number in base64. What has none stays the same object. */
function withoutProviderIds(data: Partial<ReceiptsJob>): object {
  if (!data.receipts && !data.notices) return data
  const hide = <T extends object>(item: T) =>
    'providerMessageId' in item ? { ...item, providerMessageId: HIDDEN } : item
  return {
    ...data,
    ...(data.receipts && { receipts: data.receipts.map(hide) }),
    ...(data.notices && { notices: data.notices.map(hide) }),
  }
}

/** The page of the message that a job is about; of receipts the first that is named. */
function pageOf(data: unknown): { displayText: string; href: string } | undefined {
  const named = [data, ...listOf(fieldOf(data, 'receipts'))].map((item) => fieldOf(item, 'messageId'))
  const id = named.find((each) => typeof each === 'string' && MESSAGE_ID.test(each))
  return typeof id === 'string' ? { displayText: 'Message', href: `/admin/messages/${id}` } : undefined
}
