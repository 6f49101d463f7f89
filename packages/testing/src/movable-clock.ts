/**
 * Loaded into a process before everything else (`startNode` with `hasMovableClock`): its `Date` can be set ahead by the test, so that
 * it lives through days in moments. Timers keep their pace: nothing waits less because the date is another.
 */
const RealDate = Date
let aheadMs = 0

class MovableDate extends RealDate {
  constructor(...given: unknown[]) {
    if (given.length === 0) super(MovableDate.now())
    else super(...(given as [number]))
  }

  static override now(): number {
    return RealDate.now() + aheadMs
  }
}

globalThis.Date = MovableDate as DateConstructor

process.on('message', (message: { aheadMs: number }) => {
  aheadMs = message.aheadMs
  process.send?.({ aheadMs })
})
// Listening must not keep the process alive.
process.channel?.unref()
