/** Loaded into a worker before everything else: installs the hooks that leave pieces out. The query names them. */
import { register } from 'node:module'

const names = new URL(import.meta.url).searchParams.get('without')?.split(',') ?? []
register('./hooks.js', import.meta.url, { data: names })
