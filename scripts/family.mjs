import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Failure } from './failure.mjs'
import { root } from './root.mjs'

const exitWithParent = fileURLToPath(new URL('exit-with-parent.mjs', import.meta.url))
const appGraceMs = 2800
const simulatorGraceMs = 500
const redisGraceMs = 1500

/**
 * The processes that `npm start` is made of. Promise: once `stop` has returned none of them runs, and it returns
 * within 5 s. Redis goes last, so that the apps can still write down what they leave.
 */
export function createFamily() {
  const apps = []
  let redis
  let isStopping = false
  let announceDeath
  const firstDeath = new Promise((resolve) => (announceDeath = resolve))

  function watch(member) {
    member.exited.then((ending) => {
      if (!isStopping) announceDeath({ name: member.name, ...ending })
    })
    return member
  }

  /** Starts one of our scripts with our environment and these settings. */
  function startApp(name, script, settings) {
    refuseWhenStopping()
    // Its own process group: a terminal's Ctrl-C reaches only us, and the order of stopping is ours.
    const child = spawn(process.execPath, ['--import', exitWithParent, script], {
      cwd: root,
      detached: true,
      env: { ...process.env, ...settings },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    apps.push(watch(memberOf(name, child)))
  }

  /** Takes the Redis in, so that it is watched and stopped with the others. */
  function adoptRedis(member) {
    redis = watch(member)
    if (isStopping) member.kill() // too late for the order below
    refuseWhenStopping()
  }

  function refuseWhenStopping() {
    if (isStopping) throw new Failure('stopping')
  }

  async function stop() {
    isStopping = true
    // The simulator outlives those who are in the middle of a call to it.
    const isSimulator = ({ name }) => name === 'simulator'
    await Promise.all(apps.filter((app) => !isSimulator(app)).map((app) => app.stop(appGraceMs)))
    await Promise.all(apps.filter(isSimulator).map((app) => app.stop(simulatorGraceMs)))
    await redis?.stop(redisGraceMs)
  }

  function kill() {
    isStopping = true
    for (const member of [...apps, redis]) member?.kill()
  }

  return { startApp, adoptRedis, stop, kill, firstDeath }
}

/** A child as a member: `exited` never rejects, `stop(graceMs)` ends it for certain. */
export function memberOf(name, child) {
  let hasExited = false
  const exited = new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
    child.once('error', () => resolve({ code: 127, signal: null }))
  }).then((ending) => {
    hasExited = true
    return ending
  })

  function kill() {
    if (!hasExited) child.kill('SIGKILL')
  }

  async function stop(graceMs) {
    if (hasExited) return
    child.kill('SIGTERM')
    const timer = setTimeout(kill, graceMs)
    await exited
    clearTimeout(timer)
  }

  return { name, exited, stop, kill }
}

/** The one line about a process that ended by itself. */
export function deathLine({ name, code, signal }) {
  return signal ? `${name} was ended by ${signal}` : `${name} stopped with exit code ${code}`
}
