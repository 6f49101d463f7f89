/** Keeps load from running ahead of what works on it: as much is asked of the whole chain as it takes, and no backlog grows. */
import { nowMs } from './now.mjs'

const LOOKS_EVERY_MS = 10

/** So long nothing may come to Meta while all wait. */
const COME_WITHIN_MS = 60_000

/** @param mostAhead so many messages may be on their way to Meta at once; without it nobody waits */
export function createBrake({ metaPort, mostAhead }) {
  if (!mostAhead) return { pass: () => Promise.resolve(), release() {} }
  let come = 0
  let passed = 0
  const waiting = []
  let lastAt = nowMs()
  const timer = setInterval(() => void look().catch(endAll), LOOKS_EVERY_MS)

  async function look() {
    if (waiting.length === 0) return
    const answer = await fetch(`http://127.0.0.1:${metaPort}/control/taken`, { method: 'POST' })
    const { taken } = await answer.json()
    if (taken > come) lastAt = nowMs()
    come = taken
    if (nowMs() - lastAt > COME_WITHIN_MS) throw new Error('nothing comes to Meta any more')
    while (waiting.length > 0 && passed - come < mostAhead) {
      passed += 1
      waiting.shift().resolve()
    }
  }

  function endAll(error) {
    for (const { reject } of waiting.splice(0)) reject(error)
  }

  return {
    /** Resolves when one more message may be sent. @throws Error when nothing comes to Meta any more */
    pass() {
      if (passed - come < mostAhead) {
        passed += 1
        return Promise.resolve()
      }
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }))
    },
    release: () => clearInterval(timer),
  }
}
