/** Module hooks: the source text of a mutant is replaced while its file is loaded. */
import type { InitializeHook, LoadHook } from 'node:module'
import { MUTANTS, type Mutant } from './mutants.ts'

let wanted: (typeof MUTANTS)[Mutant][] = []

export const initialize: InitializeHook<Mutant[]> = (names) => {
  wanted = names.map((name) => MUTANTS[name])
}

export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context)
  let { source } = loaded
  for (const { file, text, becomes } of wanted.filter(({ file }) => url.endsWith(file))) {
    const before = Buffer.from(source as Uint8Array).toString()
    if (!before.includes(text)) throw new Error(`the mutant's text is not in ${file}: ${text}`)
    source = before.replace(text, () => becomes)
  }
  return { ...loaded, source }
}
