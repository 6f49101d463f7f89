/** Writing `.env`: whole or not at all, for its owner's eyes only, and without touching what else stands in it. */
import { randomBytes } from 'node:crypto'
import { lstat, open, readFile, rename, rm } from 'node:fs/promises'
import { parseEnv } from 'node:util'

/** Why a file is not written. */
export type Refusal = 'symlink' | 'not-a-file' | 'odd-form' | 'unwritable'

/** The text of the file, empty if there is none; or why it cannot be ours. */
export async function readEnvFile(path: string): Promise<{ text: string } | { refusal: Refusal }> {
  try {
    const found = await lstat(path)
    if (found.isSymbolicLink()) return { refusal: 'symlink' }
    if (!found.isFile()) return { refusal: 'not-a-file' }
    return { text: await readFile(path, 'utf8') }
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? { text: '' } : { refusal: 'unwritable' }
  }
}

/** Puts the values into the file, atomically and with mode 0600. Answers why it was not done, or `undefined`. */
export async function writeEnvFile(
  path: string,
  values: Readonly<Record<string, string>>,
): Promise<Refusal | undefined> {
  const found = await readEnvFile(path)
  if ('refusal' in found) return found.refusal
  const text = mergeEnv(found.text, values)
  if (!isFaithful(found.text, text, values)) return 'odd-form'
  const draft = `${path}.${randomBytes(4).toString('hex')}.tmp`
  try {
    await writePrivately(draft, text, path)
    await rename(draft, path)
    return undefined
  } catch {
    await rm(draft, { force: true })
    return 'unwritable'
  }
}

/**
 * The text with each value on a line of its own: in place of the last line that sets it, else of the one that names it in a
 * comment, as in `.env.example`, else at the end. Other lines stay as they are.
 */
export function mergeEnv(text: string, values: Readonly<Record<string, string>>): string {
  let lines = text === '' ? [] : text.replace(/\n$/, '').split('\n')
  for (const [name, value] of Object.entries(values)) {
    const assignment = `${name}=${value}`
    const isSetting = (line: string) => new RegExp(`^\\s*(export\\s+)?${name}\\s*=`).test(line)
    const isNaming = (line: string) => new RegExp(`^#\\s?${name}=`).test(line)
    const at = lines.findLastIndex(isSetting)
    const place = at >= 0 ? at : lines.findIndex(isNaming)
    if (place < 0) lines.push(assignment)
    else lines = lines.flatMap((line, i) => (i === place ? [assignment] : isSetting(line) ? [] : [line]))
  }
  return `${lines.join('\n')}\n`
}

/** Does the text say the new values, and of everything else what the old one said? */
function isFaithful(before: string, after: string, values: Readonly<Record<string, string>>): boolean {
  const wanted = { ...parseEnv(before), ...values }
  const read = parseEnv(after)
  const names = new Set([...Object.keys(wanted), ...Object.keys(read)])
  return [...names].every((name) => read[name] === wanted[name as keyof typeof wanted])
}

/** A new file that is on the disk when this returns; it belongs to whoever owned the one it replaces. */
async function writePrivately(draft: string, text: string, replaced: string): Promise<void> {
  const owner = await lstat(replaced).catch(() => undefined)
  const file = await open(draft, 'wx', 0o600)
  try {
    await file.chmod(0o600)
    if (owner && owner.uid !== process.getuid?.()) await file.chown(owner.uid, owner.gid)
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
