/** What of a job is shown on the board: nothing that could hold a code, a token, or somebody's number. */
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import type { ReceiptsJob } from '@relais/core'
import type { Job, Queue } from 'bullmq'

/** Why messages went to the fallback, in our own words. */
const OUR_REASON = /^fallback: [a-z_]+$/

const SOME_FAULT = 'a fault: see the log line job.failed of this job'
const HIDDEN = '[hidden]'

export function shownOnBoard(queue: Queue, options: { readOnlyMode: boolean }): BullMQAdapter {
  const adapter = new BullMQAdapter(queue, options)
  adapter.setFormatter('data', withoutProviderIds)
  // Formatters do not reach these: the texts of errors are others' words, and may quote anything.
  const getJob = adapter.getJob.bind(adapter)
  const getJobs = adapter.getJobs.bind(adapter)
  adapter.getJob = async (id) => withoutTexts(await getJob(id))
  adapter.getJobs = async (...asked) => (await getJobs(...asked)).map(withoutTexts)
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

/** Meta's id of a message holds the recipient's number in base64. */
function withoutProviderIds(data: Partial<ReceiptsJob>): unknown {
  const hide = <T extends object>(item: T) =>
    'providerMessageId' in item ? { ...item, providerMessageId: HIDDEN } : item
  return {
    ...data,
    ...(data.receipts && { receipts: data.receipts.map(hide) }),
    ...(data.notices && { notices: data.notices.map(hide) }),
  }
}
