/** A run: so many requests from one seed, and what came of them. */
import fc from 'fast-check'
import { createClient, type Answer } from './client.ts'
import { readOperations } from './document.ts'
import { requestsOf, validRequest, type FuzzRequest } from './requests.ts'
import { createVerdict } from './verdict.ts'

/** Made, sent and looked at together. */
const AT_ONCE = 100
const CONNECTIONS = 8

const VALID_FIRST = 8

export type FuzzReport = {
  seed: number
  requests: number
  seconds: number
  /** How many of each kind, and how many were answered how. */
  kinds: Record<string, number>
  statuses: Record<string, number>
  /** Those that were sent again: see `client.ts`. */
  repeated: number
  /** Operations of the document that were answered with a 2xx, and those that never were. */
  reached: string[]
  unreached: string[]
  slowest: { durationMs: number; request: string }
  faults: string[]
  /** The least there was in the first half of the run and in the second, in MB. */
  memory: { rss: [number, number]; heap: [number, number] }
}

type Memory = { rss: number; heap: number }

/** @param options.memory reads what the API's process takes, in MB */
export async function fuzz(options: {
  apiUrl: string
  secrets: Parameters<typeof createClient>[0]['secrets'] & { accessToken: string; verifyToken: string }
  phoneNumberId: string
  /** A message whose code an operator may read. */
  fallenId: string
  /** A verification whose code may be sent again. */
  resendableId: string
  seed: number
  requests: number
  memory: () => Promise<Memory>
  say?: (line: string) => void
}): Promise<FuzzReport> {
  const { seed, requests, apiUrl, secrets, phoneNumberId, fallenId, resendableId, say } = options
  const operations = await readOperations(apiUrl)
  const own = { ...secrets, phoneNumberId }
  const arbitrary = requestsOf(operations, own)
  const faultOf = createVerdict(operations)
  const client = createClient({ apiUrl, secrets, fallenId, resendableId })
  const startedAt = performance.now()
  const kinds: Record<string, number> = {}
  const statuses: Record<string, number> = {}
  const reached = new Set<string>()
  const faults: string[] = []
  const samples: Memory[] = []
  let repeated = 0
  let slowest = { durationMs: 0, request: '' }

  // First of all each as it is meant, one after the other, so that what is there to be asked about does not hang on luck.
  for (const operation of operations) {
    for (const request of fc.sample(validRequest(operation, own), { seed, numRuns: VALID_FIRST }))
      note(request, await client.send(request))
  }
  for (let done = 0; done < requests; done += AT_ONCE) {
    const numRuns = Math.min(AT_ONCE, requests - done)
    const waiting = fc.sample(arbitrary, { seed: seed + done, numRuns })
    const lane = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) note(next, await client.send(next))
    }
    await Promise.all(Array.from({ length: CONNECTIONS }, lane))
    samples.push(await options.memory())
    if ((done / AT_ONCE) % 20 === 19)
      say?.(`${done + numRuns} requests, ${faults.length} faults, ${JSON.stringify(samples.at(-1))}`)
  }
  client.close()
  const all = operations.map(nameOf)
  return {
    seed,
    requests,
    seconds: Math.round((performance.now() - startedAt) / 1000),
    kinds: sorted(kinds),
    statuses: sorted(statuses),
    repeated,
    reached: all.filter((name) => reached.has(name)),
    unreached: all.filter((name) => !reached.has(name)),
    slowest,
    faults,
    memory: { rss: growth(samples, 'rss'), heap: growth(samples, 'heap') },
  }

  function note(request: FuzzRequest, answer: Answer): void {
    count(kinds, request.kind)
    count(statuses, String(answer.failure ?? answer.statusCode))
    if (answer.isRepeated) repeated += 1
    const { operation } = request
    if (
      operation &&
      operation.method === request.method &&
      answer.statusCode < 300 &&
      answer.statusCode > 0
    ) {
      reached.add(nameOf(operation))
    }
    if (answer.durationMs > slowest.durationMs) {
      slowest = { durationMs: Math.round(answer.durationMs), request: described(request) }
    }
    const fault = faultOf(request, answer)
    if (fault) faults.push(`${fault}: ${described(request)} -> ${answer.body.slice(0, 300)}`)
  }
}

function nameOf({ method, path }: { method: string; path: string }): string {
  return `${method} ${path}`
}

/** As much of a request as helps to make it again; its seed gives all of it. */
function described({ kind, method, target, headers, who, body, isChunked }: FuzzRequest): string {
  const short = (value: unknown, length: number) => JSON.stringify(value).slice(0, length)
  const bytes = body && `${body.length} bytes${isChunked ? ' in chunks' : ''}: ${short(body.toString(), 200)}`
  return `${kind} ${method} ${target.slice(0, 100)} as ${who} ${short(headers, 200)} ${bytes ?? ''}`
}

/** The least of the samples in each half, after a fifth to warm up: what waits to be collected is no growth. */
function growth(samples: Memory[], which: keyof Memory): [number, number] {
  const [warm, half] = [Math.floor(samples.length / 5), Math.ceil(samples.length / 2)]
  const least = (some: Memory[]) => Math.round(Math.min(...some.map((sample) => sample[which])))
  return [least(samples.slice(warm, half)), least(samples.slice(half - 1))]
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1
}

function sorted(counts: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).toSorted(([a], [b]) => a.localeCompare(b)))
}
