import { SettingsError } from '@relais/core'
import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'

/**
 * The one place where a code is readable. It is a sink of its own, not the logger: nothing is added, levels do not silence it,
 * and a log shipper can be pointed at it or kept away.
 */
export type FallbackSink = { write(record: object): Promise<void> }

/** These are links by their nature, and nobody else can lay them. */
const STREAM = /^\/dev\/(stdout|stderr|fd\/\d+)$/

/** Somebody laid a file in the way, to read codes by it or to have us write over another. */
class UnsafeFileError extends Error {
  override name = 'UnsafeFileError'
}

/**
 * @param target `stdout`, or the path of a file that is appended to, mode 0600. The file is opened anew for each record,
 *   so it may be rotated at any time. It must be ours, and no symbolic link. Throws a `SettingsError` if it will not do.
 */
export async function openFallbackSink(target: string): Promise<FallbackSink> {
  if (target === 'stdout') return { write: writeToStdout }
  await withOwnFile(target, async () => undefined).catch((error: NodeJS.ErrnoException) => {
    const why = error instanceof UnsafeFileError ? error.message : `cannot be written to (${error.code})`
    throw new SettingsError([`FALLBACK_LOG ${why}. Example: FALLBACK_LOG=stdout`])
  })
  let isTorn = false
  return {
    write: (record) =>
      withOwnFile(target, async (file) => {
        // What a full disk cut off must not swallow the next record.
        const text = `${isTorn ? '\n' : ''}${JSON.stringify(record)}\n`
        try {
          await file.appendFile(text)
          isTorn = false
        } catch (error) {
          isTorn = true
          throw error
        }
      }),
  }
}

function writeToStdout(record: object): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(`${JSON.stringify(record)}\n`, (error) => (error ? reject(error) : resolve()))
  })
}

/** What was done to the file is on the disk when this resolves. A pipe or a device is written to as it is. */
async function withOwnFile(path: string, work: (file: FileHandle) => Promise<void>): Promise<void> {
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants
  const noLinks = STREAM.test(path) ? 0 : O_NOFOLLOW
  const file = await open(path, O_WRONLY | O_APPEND | O_CREAT | noLinks, 0o600).catch(refuseLink)
  try {
    const stat = await file.stat()
    if (stat.isFile() && stat.uid !== process.getuid?.())
      throw new UnsafeFileError(
        'is a file of another user, who could read the codes: remove it or name another',
      )
    if (stat.isFile() && (stat.mode & 0o077) !== 0) await file.chmod(0o600)
    await work(file)
    if (stat.isFile()) await file.sync()
  } finally {
    await file.close()
  }
}

function refuseLink(error: NodeJS.ErrnoException): never {
  if (error.code !== 'ELOOP') throw error
  throw new UnsafeFileError('is a symbolic link, and codes must not follow one: name the file itself')
}
