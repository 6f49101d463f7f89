import { whenParentGone } from './parent-watch.mjs'

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
// One Ctrl-C can arrive twice: from the terminal, and passed on by npm.
const sameSignalMs = 300

/**
 * Watches for the reasons to stop: a signal, or the death of the parent (a terminal or an npm that was killed).
 * @param on `onFirst` is called at the first reason, `onSecond` at a later signal of an impatient person.
 * @returns `{ first, release() }`; `first` resolves to 'stop'.
 */
export function watchStopSignals({ onFirst, onSecond }) {
  let firstAt
  let announce
  const first = new Promise((resolve) => (announce = resolve))
  const request = () => {
    firstAt ??= performance.now()
    onFirst()
    announce('stop')
  }
  const onSignal = () => {
    if (firstAt === undefined) request()
    else if (performance.now() - firstAt > sameSignalMs) onSecond()
  }
  for (const signal of signals) process.on(signal, onSignal)

  const endWatch = whenParentGone(() => {
    if (firstAt === undefined) request()
  })

  return {
    first,
    release() {
      endWatch()
      for (const signal of signals) process.off(signal, onSignal)
    },
  }
}
