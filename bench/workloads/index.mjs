import { acceptance } from './acceptance.mjs'
import { ceiling } from './ceiling.mjs'
import { cost } from './cost.mjs'
import { drain } from './drain.mjs'
import { growth } from './growth.mjs'
import { latency } from './latency.mjs'
import { receipts } from './receipts.mjs'
import { renewal } from './renewal.mjs'
import { watching } from './watching.mjs'

/** By name: { about, run(bench) }. `run` answers cases as `measureRounds` does. */
export const workloads = { acceptance, drain, latency, receipts, cost, growth, renewal, ceiling, watching }
