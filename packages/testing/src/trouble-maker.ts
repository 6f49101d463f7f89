/** Loaded into a process before everything else (`startNode` with `canBeTroubled`): it gets into trouble when the test says so. */
import type { Trouble } from './node-process.ts'

process.on('message', ({ trouble }: { trouble: Trouble }) => {
  switch (trouble.kind) {
    case 'blocked': {
      const until = performance.now() + trouble.ms
      while (performance.now() < until);
      return
    }
    case 'unhandledRejection':
      return void Promise.reject(errorWith(trouble.secret))
    case 'uncaughtException':
      throw errorWith(trouble.secret)
  }
})
// Listening must not keep the process alive.
process.channel?.unref()

/** Like errors of Redis and HTTP clients: what they were doing is in their fields, and in their causes. */
function errorWith(secret: string): Error {
  return Object.assign(new Error('a slip', { cause: new Error(secret) }), { command: { args: [secret] } })
}
