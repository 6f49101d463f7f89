/** What both systems have alike. */

export const PHONE_NUMBER_ID = '106540352242922'

/** Jobs of a worker at once. */
export const CONCURRENCY = 50

/** Those that post; most workloads know the first only. */
export const APPS = ['wallet', 'shop']

export const READY_WITHIN_MS = 30_000
