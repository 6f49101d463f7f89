/** Memory and handles of the processes over the run, from `/proc`: what grows with time shows between the first and the last quarter. */
import { readdir, readFile, readlink } from 'node:fs/promises'

type Sample = { rssMb: number; handles: number; sockets: number }

/** Medians of the first and of the last quarter of a process' samples. */
export type Growth = { name: string; samples: number; first: Sample; last: Sample }

export function createResources() {
  const samples = new Map<string, Sample[]>()

  return {
    /** @param pids by name; what has no `/proc` entry is left out */
    async sample(pids: Record<string, number | undefined>): Promise<void> {
      for (const [name, pid] of Object.entries(pids)) {
        const taken = pid === undefined ? undefined : await look(pid)
        if (taken) samples.set(name, [...(samples.get(name) ?? []), taken])
      }
    },

    growth(): Growth[] {
      return [...samples].map(([name, all]) => {
        const quarter = Math.max(1, Math.floor(all.length / 4))
        return {
          name,
          samples: all.length,
          first: medians(all.slice(0, quarter)),
          last: medians(all.slice(-quarter)),
        }
      })
    },
  }
}

async function look(pid: number): Promise<Sample | undefined> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8')
    const names = await readdir(`/proc/${pid}/fd`)
    const targets = await Promise.all(
      names.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => '')),
    )
    const rssKb = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0)
    const sockets = targets.filter((target) => target.startsWith('socket:')).length
    return { rssMb: Math.round(rssKb / 1024), handles: names.length, sockets }
  } catch {
    return undefined // gone, or no Linux
  }
}

function medians(samples: readonly Sample[]): Sample {
  const median = (of: (sample: Sample) => number) =>
    samples.map(of).sort((a, b) => a - b)[Math.floor(samples.length / 2)] ?? 0
  return {
    rssMb: median(({ rssMb }) => rssMb),
    handles: median(({ handles }) => handles),
    sockets: median(({ sockets }) => sockets),
  }
}
