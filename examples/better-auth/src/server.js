import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { toNodeHandler } from 'better-auth/node'
import { ADDRESS_HEADER } from './auth.js'

const files = {
  '/': { name: 'page.html', type: 'text/html; charset=utf-8' },
  '/page.js': { name: 'page.js', type: 'text/javascript' },
  '/page.css': { name: 'page.css', type: 'text/css' },
}

const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

/** The page, and Better Auth under /api/auth. Does not listen. */
export async function createApp(auth) {
  const pages = new Map()
  for (const [path, { name, type }] of Object.entries(files)) {
    pages.set(path, { type, body: await readFile(new URL(`../page/${name}`, import.meta.url)) })
  }
  const answerAuth = toNodeHandler(auth)

  return createServer((request, response) => {
    if (request.url.startsWith('/api/auth/')) {
      // Behind a proxy: the address that the proxy vouches for.
      request.headers[ADDRESS_HEADER] = request.socket.remoteAddress
      // What cannot be made a request of, such as one with an odd Host, must not end the process.
      answerAuth(request, response).catch(() => response.destroy())
      return
    }
    const page = request.method === 'GET' && pages.get(request.url)
    if (page) response.writeHead(200, { ...headers, 'content-type': page.type }).end(page.body)
    else response.writeHead(404, headers).end()
  })
}
