import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from './failure.mjs'
import { whenParentGone } from './parent-watch.mjs'
import { root } from './root.mjs'

const hasGroups = process.platform !== 'win32'
const graceMs = 2000
const running = new Set()
let isEnding = false

/**
 * Runs a tool to its end.
 * @param options `env` is added to ours, `inherit` shows the output as it comes, `timeoutMs` kills.
 * @returns `{ code, output }`; a tool that does not exist or was killed has the code 127 or 128 + n.
 */
export function runTool(command, args, { cwd = root, env = {}, inherit = false, timeoutMs } = {}) {
  return new Promise((resolve) => {
    const stdio = inherit ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe']
    // Its own process group, so that a signal reaches all of it: a test runner has processes of its own.
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio, detached: hasGroups })
    let output = ''
    child.stdout?.setEncoding('utf8').on('data', (chunk) => (output += chunk))
    child.stderr?.setEncoding('utf8').on('data', (chunk) => (output += chunk))
    if (child.pid !== undefined) running.add(child)
    const timer = timeoutMs && setTimeout(() => signalGroup(child, 'SIGKILL'), timeoutMs)
    const end = (code) => {
      clearTimeout(timer)
      running.delete(child)
      if (!isEnding) resolve({ code, output }) // else nobody is to go on, or to complain
    }
    child.on('error', (error) => end(error.code === 'ENOENT' ? 127 : 126))
    child.on('close', (code, signal) => end(code ?? 128 + constants.signals[signal]))
  })
}

/** Runs a tool that must succeed, and returns its output. */
export async function requireTool(title, command, args, options) {
  const { code, output } = await runTool(command, args, options)
  if (code !== 0) throw new Failure(`${title} failed (exit code ${code})`, { output })
  return output
}

/** Arguments for node that run the program of an installed package, without a shell between. */
export function packageProgram(name, file) {
  return join(root, 'node_modules', name, file)
}

/** Passes a signal on to the tools that run, and to all that they have started. */
export function stopTools(signal) {
  for (const child of running) signalGroup(child, signal)
}

/**
 * While tools run, a signal to us, or the end of what started us, ends them and then us.
 * @returns what undoes this.
 */
export function stopToolsOnSignals() {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  const onSignal = (signal) => void endWithTools(signal)
  for (const signal of signals) process.on(signal, onSignal)
  const endWatch = whenParentGone(() => onSignal('SIGTERM'))
  return () => {
    endWatch()
    for (const signal of signals) process.off(signal, onSignal)
  }
}

/** A second signal, of an impatient person, finds that we are ending and waits no longer. */
async function endWithTools(signal) {
  const deadline = performance.now() + (isEnding ? 0 : graceMs)
  isEnding = true
  stopTools(signal)
  while (running.size > 0 && performance.now() < deadline) await sleep(20)
  stopTools('SIGKILL')
  process.exit(128 + constants.signals[signal])
}

function signalGroup(child, signal) {
  try {
    process.kill(hasGroups ? -child.pid : child.pid, signal)
  } catch {
    // gone in the meantime
  }
}
