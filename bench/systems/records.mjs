/** What either system has in its database of the one Redis, seen from outside: the status of each message. */
import { eventually } from '@relais/testing'

const LOOKED_AT_ONCE = 100
const LOOKS_EVERY_MS = 5
const WITHIN_MS = 180_000

/** @param recordPrefix of the keys of the hashes in which a message has its `status` */
export function createRecords(redis, recordPrefix) {
  const statusesOf = async (ids) => {
    const answers = await redis.pipeline(ids.map((id) => ['hget', `${recordPrefix}${id}`, 'status'])).exec()
    return answers.map(([error, status]) => {
      if (error) throw error
      return status
    })
  }

  return {
    /** Waits until the records of all these messages say so. Each is asked for until it does, and then no more. */
    async allAre(ids, wanted) {
      let done = 0
      const goOn = async () => {
        for (let found = LOOKED_AT_ONCE; found === LOOKED_AT_ONCE; done += found) {
          const statuses = await statusesOf(ids.slice(done, done + LOOKED_AT_ONCE))
          const firstOther = statuses.findIndex((status) => status !== wanted)
          found = firstOther < 0 ? statuses.length : firstOther
        }
        return done
      }
      await eventually(goOn, (count) => count === ids.length, {
        timeoutMs: WITHIN_MS,
        everyMs: LOOKS_EVERY_MS,
        what: `${ids.length} messages that are ${wanted}`,
      })
    },

    /** Of a system on which nobody works. */
    forgetAll: () => redis.flushdb(),
  }
}
