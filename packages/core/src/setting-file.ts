/** Files that settings name: secrets that stand in one, and the certificates of a TLS connection. They are read once, at the start. */
import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { Fault } from './fault.ts'

/** The largest file that is read: room for the authorities of a whole system. A wrong path may lead to anything. */
const MAX_BYTES = 1024 * 1024

/** The text of a small file without the white space around it, or what is wrong with the file; never its content. */
export function readSettingFile(path: string): string | Fault {
  try {
    // Asked first: opening a pipe would wait for somebody to write into it.
    if (!statSync(path).isFile()) return new Fault('names something that is not a file')
    const text = readStart(path, MAX_BYTES + 1)
    if (text.length > MAX_BYTES) return new Fault(`names a file of more than ${MAX_BYTES} bytes`)
    return text.toString('utf8').trim() || new Fault('names a file that is empty')
  } catch (error) {
    return new Fault(whyUnread(error))
  }
}

/** What is beyond `bytes` is not read, however much of it there is. */
function readStart(path: string, bytes: number): Buffer {
  const file = openSync(path, 'r')
  try {
    const buffer = Buffer.alloc(bytes)
    let length = 0
    for (let read = -1; read !== 0 && length < bytes; length += read) {
      read = readSync(file, buffer, length, bytes - length, null)
    }
    return buffer.subarray(0, length)
  } finally {
    closeSync(file)
  }
}

function whyUnread(error: unknown): string {
  const { code = 'unknown fault' } = error as NodeJS.ErrnoException
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'names a file that is not there'
  if (code === 'EACCES' || code === 'EPERM') return 'names a file that this user may not read'
  return `names a file that cannot be read (${code})`
}
