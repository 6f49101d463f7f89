import { SettingsError } from '@relais/core'
import { open } from 'node:fs/promises'

/**
 * The one place where a code is readable. It is a sink of its own, not the logger: nothing is added, levels do not silence it,
 * and a log shipper can be pointed at it or kept away.
 */
export type FallbackSink = { write(record: object): Promise<void> }

/**
 * @param target `stdout`, or the path of a file that is appended to, mode 0600. The file is opened anew for each record,
 *   so it may be rotated at any time. Throws a `SettingsError` if it cannot be written to.
 */
export async function openFallbackSink(target: string): Promise<FallbackSink> {
  if (target === 'stdout') return { write: writeToStdout }
  await append(target, '').catch((error: NodeJS.ErrnoException) => {
    throw new SettingsError([
      `FALLBACK_LOG cannot be written to (${error.code}). Example: FALLBACK_LOG=stdout`,
    ])
  })
  let isTorn = false
  return {
    async write(record) {
      // What a full disk cut off must not swallow the next record.
      const text = `${isTorn ? '\n' : ''}${JSON.stringify(record)}\n`
      isTorn = true
      await append(target, text)
      isTorn = false
    },
  }
}

function writeToStdout(record: object): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(`${JSON.stringify(record)}\n`, (error) => (error ? reject(error) : resolve()))
  })
}

/** On the disk when it resolves. A pipe or a device is written to as it is. */
async function append(path: string, text: string): Promise<void> {
  const file = await open(path, 'a', 0o600)
  try {
    const stat = await file.stat()
    if (stat.isFile() && (stat.mode & 0o077) !== 0) await file.chmod(0o600)
    await file.appendFile(text)
    if (stat.isFile()) await file.sync()
  } finally {
    await file.close()
  }
}
