/** The files of our pages: read once, served as they are. There is nothing secret in them, so they need no login. */
import type { FastifyInstance } from 'fastify'
import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { ASSETS_PATH } from '../pages/layout.ts'

const FOLDER = new URL('../../assets/', import.meta.url)

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

export function registerAssets(app: FastifyInstance): void {
  for (const name of readdirSync(FOLDER)) {
    const type = TYPES[extname(name)]
    if (type === undefined) throw new TypeError(`assets/${name} is of no type that is served`)
    const content = readFileSync(new URL(name, FOLDER))
    app.get(
      `${ASSETS_PATH}/${name}`,
      { config: { access: 'open' }, schema: { hide: true } },
      (_request, reply) => reply.type(type).header('cache-control', 'no-cache').send(content),
    )
  }
}
