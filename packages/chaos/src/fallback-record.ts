/** What the fallback files hold, read as they grow. */
import { open } from 'node:fs/promises'
import type { FallbackRecord } from './records.ts'

export function createFallbackRecord(paths: readonly string[]) {
  const records: FallbackRecord[] = []
  const files = paths.map((path) => ({ path, offset: 0, rest: Buffer.alloc(0) }))
  let unreadable = 0
  let reading = Promise.resolve()

  return {
    records: (): readonly FallbackRecord[] => records,
    /** Lines that are no record. */
    unreadable: () => unreadable,
    /** Reads what is new. Its lines count as written now. */
    drain(): Promise<void> {
      // One after the other: two at once would read the same lines.
      reading = reading.catch(() => undefined).then(readAll)
      return reading
    },
  }

  async function readAll(): Promise<void> {
    for (const file of files) await readOn(file)
  }

  async function readOn(file: (typeof files)[number]): Promise<void> {
    const bytes = Buffer.concat([file.rest, await readFrom(file.path, file.offset)])
    file.offset += bytes.length - file.rest.length
    const end = bytes.lastIndexOf('\n') + 1
    file.rest = bytes.subarray(end)
    for (const line of bytes.subarray(0, end).toString().split('\n')) if (line) take(line)
  }

  function take(line: string): void {
    try {
      const { messageId, to, code, reason } = JSON.parse(line) as FallbackRecord
      records.push({ messageId, to, ...(code !== undefined && { code }), reason, at: Date.now() })
    } catch {
      unreadable += 1
    }
  }
}

async function readFrom(path: string, offset: number): Promise<Buffer> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined // its worker has not started yet
    throw error
  })
  if (!file) return Buffer.alloc(0)
  try {
    const { size } = await file.stat()
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.max(0, size - offset)), {
      position: offset,
    })
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}
