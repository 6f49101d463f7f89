import { readFile } from 'node:fs/promises'

const TEXT_TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
}

const names = [
  'page.html',
  'icon.svg',
  ...['base', 'phone', 'panel'].map((name) => `${name}.css`),
  ...['theme', 'page', 'phone', 'message', 'panel', 'clock', 'words', 'actions', 'announcer'].map(
    (name) => `${name}.js`,
  ),
]

export type StaticFile = { readonly type: string; readonly content: string }

/** Path -> file of the page; `/` is `page.html`. */
export async function readStaticFiles(): Promise<ReadonlyMap<string, StaticFile>> {
  const entries = names.map(async (name) => {
    const content = await readFile(new URL(`../../page/${name}`, import.meta.url), 'utf8')
    const type = TEXT_TYPES[name.split('.').at(-1) ?? ''] ?? 'text/plain'
    return [name === 'page.html' ? '/' : `/${name}`, { type, content }] as const
  })
  return new Map(await Promise.all(entries))
}
