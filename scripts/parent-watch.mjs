import { readFileSync } from 'node:fs'

const checkMs = 500
const shells = ['sh', 'dash', 'ash', 'bash', 'busybox']

// Read at our own start: by the time anyone watches, the parent may be gone already.
const born = ancestors()

/**
 * Calls back, once, when what started us is gone: a closed terminal, or an npm that was killed. npm runs a script
 * through a shell that passes no signal on, so its end is often all that we notice. Keeps nothing alive.
 * @returns what ends the watch.
 */
export function whenParentGone(tell) {
  const timer = setInterval(() => {
    if (ancestors() === born) return
    clearInterval(timer)
    tell()
  }, checkMs)
  timer.unref()
  return () => clearInterval(timer)
}

/** Whether npm started us, so that a person or a supervisor knows npm's process and not ours. */
export function isRunByNpm() {
  return Boolean(process.env.npm_lifecycle_event)
}

/** The parent; and npm above it, where npm's shell is the parent and the system shows it in /proc. */
function ancestors() {
  const parent = process.ppid
  const hasShell = isRunByNpm() && shells.includes(procFile(parent, 'comm')?.trim())
  const above = hasShell && /^PPid:\s*(\d+)/m.exec(procFile(parent, 'status') ?? '')?.[1]
  return above ? `${parent} ${above}` : String(parent)
}

function procFile(pid, name) {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch {
    return undefined
  }
}
