import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Failure } from './failure.mjs'

/** Makes a folder that only its owner may enter. */
export async function makePrivateFolder(folder) {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await chmod(folder, 0o700)
}

/** Writes JSON that only its owner may read. A reader sees the old content or the new, never half of it. */
export async function writePrivateJson(file, content) {
  await makePrivateFolder(dirname(file))
  const draft = `${file}.${randomBytes(4).toString('hex')}.tmp`
  await writeFile(draft, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600, flush: true })
  await rename(draft, file)
}

/** The JSON in a file, or undefined when there is no such file. */
export async function readJson(file) {
  let text
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw new Failure(`${file} cannot be read (${error.code})`)
  }
  try {
    return JSON.parse(text)
  } catch {
    throw new Failure(`${file} is not JSON: mend it, or remove it to have it made anew`)
  }
}
