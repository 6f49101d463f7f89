/** Microseconds of processor time that the processes of a system, and Redis, have used so far. */
import { cpuSeconds } from '../machine.mjs'

export async function processorUs({ redis }, system) {
  const info = await redis.info('cpu')
  const of = (name) => Number(new RegExp(`${name}:([\\d.]+)`).exec(info)?.[1] ?? 0)
  const { API, worker } = system.pids()
  return {
    'Redis CPU us': (of('used_cpu_user') + of('used_cpu_sys')) * 1e6,
    'API CPU us': cpuSeconds(API) * 1e6,
    'worker CPU us': cpuSeconds(worker) * 1e6,
  }
}
