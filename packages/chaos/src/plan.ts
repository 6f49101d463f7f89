/** The plan of a run's faults. It depends on the seed, the time and the number of processes, and on nothing that happens. */
import { createDraw, type Draw } from './random.ts'

/** What a link may suffer: every byte late; connections reset; nothing passes; no connection at all. */
const TREATMENTS = ['slow', 'reset', 'silent', 'cut'] as const
export type Treatment = (typeof TREATMENTS)[number]

/** The links that suffer, by whose ends they join. Those of a worker or an API belong to one process each. */
const LINKS = [
  'worker-redis',
  'api-redis',
  'worker-meta',
  'client-api',
  'meta-api',
  'primary-replica',
] as const
export type LinkName = (typeof LINKS)[number]

/** What Meta may answer for a while. */
const TROUBLES = [
  'error',
  'html',
  'throttled',
  'reset before',
  'reset after',
  'stalled',
  'half answer',
] as const
export type Trouble = (typeof TROUBLES)[number]

type FaultKind =
  | 'worker killed'
  | 'worker rolled'
  | 'worker frozen'
  | 'api killed'
  | 'api rolled'
  | 'api frozen'
  | 'redis frozen'
  | 'redis killed'
  | 'redis failover'
  | `${LinkName} ${Treatment}`
  | `meta ${Trouble}`

/** Who suffers: no two faults have the same victim at once. */
type VictimKind = 'worker' | 'api' | 'redis' | 'webhooks' | 'meta'

export type Fault = {
  /** From the start of the load. */
  atMs: number
  kind: FaultKind
  /** Which worker or API, from 0; 0 for all other victims. */
  victim: number
  lengthMs: number
}

type Row = {
  victim: VictimKind
  /** How long it lasts: from, to. For what is killed, how long it is away. */
  lengthMs: readonly [number, number]
  /** How often it stands in the deck. */
  cards: number
}

const SHORT: readonly [number, number] = [500, 3000]
const LONG: readonly [number, number] = [2000, 15_000]
const SOME: readonly [number, number] = [2000, 8000]

const PROCESSES: [FaultKind, Row][] = [
  ['worker killed', { victim: 'worker', lengthMs: SHORT, cards: 4 }],
  ['worker rolled', { victim: 'worker', lengthMs: [0, 500], cards: 2 }],
  ['worker frozen', { victim: 'worker', lengthMs: LONG, cards: 3 }],
  ['api killed', { victim: 'api', lengthMs: SHORT, cards: 3 }],
  ['api rolled', { victim: 'api', lengthMs: [0, 500], cards: 2 }],
  ['api frozen', { victim: 'api', lengthMs: LONG, cards: 2 }],
  ['redis frozen', { victim: 'redis', lengthMs: [1000, 6000], cards: 3 }],
  ['redis killed', { victim: 'redis', lengthMs: [200, 2000], cards: 3 }],
  ['redis failover', { victim: 'redis', lengthMs: SHORT, cards: 3 }],
]

const VICTIM_OF_LINK: Record<LinkName, VictimKind> = {
  'worker-redis': 'worker',
  'api-redis': 'api',
  'worker-meta': 'worker',
  'client-api': 'api',
  'meta-api': 'webhooks',
  'primary-replica': 'redis',
}

const TABLE = new Map<FaultKind, Row>([
  ...PROCESSES,
  ...LINKS.flatMap((link) =>
    TREATMENTS.map((treatment): [FaultKind, Row] => [
      `${link} ${treatment}`,
      { victim: VICTIM_OF_LINK[link], lengthMs: SOME, cards: 1 },
    ]),
  ),
  ...TROUBLES.map((trouble): [FaultKind, Row] => [
    `meta ${trouble}`,
    // Being throttled slows the sender down for a minute.
    { victim: 'meta', lengthMs: trouble === 'throttled' ? [500, 1500] : SOME, cards: 1 },
  ]),
])

const FIRST_MS = 4000
const GAP_MS = [6000, 10_000] as const

/** Towards the end all is whole, so that the last messages show what a healed system does with them. */
const QUIET_MS = 15_000

/** After Redis was away its replica has to catch up first. */
const REDIS_REST_MS = 10_000

/** @param run.workers,run.apis how many processes there are to choose from */
export function drawPlan(run: {
  seed: number
  loadMs: number
  workers: number
  apis: number
  withFailovers: boolean
}): Fault[] {
  const draw = createDraw(run.seed, 'plan')
  const lastEndMs = run.loadMs - Math.min(QUIET_MS, run.loadMs / 5)
  const busyUntil = new Map<string, number>()
  const plan: Fault[] = []
  let deck: FaultKind[] = []
  for (let atMs = FIRST_MS; atMs < lastEndMs; atMs += Math.round(draw.between(...GAP_MS))) {
    if (deck.length === 0) deck = shuffledDeck(draw, run.withFailovers)
    const fault = drawFault(atMs)
    if (fault) plan.push(fault)
  }
  return plan

  /** The first card of the deck whose victim has nothing else to suffer. */
  function drawFault(atMs: number): Fault | undefined {
    for (const kind of deck) {
      const row = rowOf(kind)
      const victim = draw.below(row.victim === 'worker' ? run.workers : row.victim === 'api' ? run.apis : 1)
      const lengthMs = Math.min(Math.round(draw.between(...row.lengthMs)), lastEndMs - atMs)
      const name = `${row.victim} ${victim}`
      if ((busyUntil.get(name) ?? 0) > atMs) continue
      const restMs = row.victim === 'redis' ? REDIS_REST_MS : 1000
      busyUntil.set(name, atMs + lengthMs + restMs)
      deck.splice(deck.indexOf(kind), 1)
      return { atMs, kind, victim, lengthMs }
    }
    return undefined
  }
}

/** Names the victim: `worker 2`, `redis`. Counted from 1, as people do. */
export function victimName({ kind, victim }: Fault): string {
  const name = rowOf(kind).victim
  return name === 'worker' || name === 'api' ? `${name} ${victim + 1}` : name
}

function shuffledDeck(draw: Draw, withFailovers: boolean): FaultKind[] {
  const kinds = [...TABLE].flatMap(([kind, { cards }]) => Array.from({ length: cards }, () => kind))
  return draw.shuffle(withFailovers ? kinds : kinds.filter((kind) => !needsReplica(kind)))
}

function needsReplica(kind: FaultKind): boolean {
  return kind === 'redis failover' || kind.startsWith('primary-replica')
}

/** Whether these faults need a replica of Redis. */
export function areWithReplica(plan: readonly Fault[]): boolean {
  return plan.some(({ kind }) => needsReplica(kind))
}

function rowOf(kind: FaultKind): Row {
  const row = TABLE.get(kind)
  if (!row) throw new RangeError(`no such fault: ${kind}`)
  return row
}
