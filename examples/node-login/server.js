// A login by phone with nothing but Node: two forms, and a session in memory. It shows the order of things; a site has a store of sessions and its own pages.
//   RELAIS_URL=http://127.0.0.1:3000 API_KEY=... PORT=8080 node server.js
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { ProblemError } from '@relais/client'
import { createPhoneLogin } from './phone-login.js'

const { RELAIS_URL = 'http://127.0.0.1:3000', API_KEY = '', PORT = '8080' } = process.env

const MOST_SESSIONS = 10_000
const MOST_BODY_BYTES = 1024

const users = new Map()
const sessions = new Map()

const login = createPhoneLogin({ url: RELAIS_URL, key: API_KEY }, async (phone) => {
  if (!users.has(phone)) users.set(phone, { id: randomBytes(8).toString('hex') })
  return users.get(phone)
})

const pages = {
  async 'GET /'({ session }) {
    if (session?.user) return page(`<p>Logged in as ${session.user.id}</p>`)
    return page(
      '<form method="post" action="/start"><input name="phone" type="tel"><button>Send a code</button></form>',
    )
  },

  async 'POST /start'({ form, request, reply }) {
    try {
      const pending = await login.start(form.get('phone') ?? '', request.socket.remoteAddress)
      reply.setHeader('set-cookie', newSession({ pending }))
      return page(
        '<form method="post" action="/finish"><input name="code" inputmode="numeric" autocomplete="one-time-code"><button>Log in</button></form>',
      )
    } catch (error) {
      if (!(error instanceof ProblemError) || error.status >= 500) throw error
      reply.statusCode = error.status
      return page(
        error.status === 429 ? '<p>Wait a little, then try again.</p>' : '<p>No code can be sent there.</p>',
      )
    }
  },

  async 'POST /finish'({ form, session, reply }) {
    const user = await login.finish(session?.pending, form.get('code'))
    if (!user) {
      reply.statusCode = 401
      return page('<p>That is not the code.</p>')
    }
    // A new session: the one from before the login may be known to somebody else.
    sessions.delete(session.id)
    reply.setHeader('set-cookie', newSession({ user }))
    reply.writeHead(303, { location: '/' })
    return ''
  },
}

createServer((request, reply) => void respond(request, reply)).listen(
  Number(PORT),
  '127.0.0.1',
  function listening() {
    process.stdout.write(`http://127.0.0.1:${this.address().port}\n`)
  },
)

async function respond(request, reply) {
  try {
    const answer = pages[`${request.method} ${request.url}`]
    if (!answer) {
      reply.writeHead(404).end()
      return
    }
    const session = sessions.get(/(?:^|; )session=(\w+)/.exec(request.headers.cookie ?? '')?.[1])
    reply.setHeader('content-type', 'text/html; charset=utf-8')
    const text = await answer({ request, reply, session, form: await formOf(request) })
    reply.end(text)
  } catch {
    // Nothing of the request is shown or logged: it may be a code.
    reply.writeHead(503).end('Try again in a moment.')
  }
}

/** The cookie of a new session; the oldest goes when there are too many. In production: `Secure` as well. */
function newSession(content) {
  const id = randomBytes(16).toString('hex')
  sessions.set(id, { id, ...content })
  if (sessions.size > MOST_SESSIONS) sessions.delete(sessions.keys().next().value)
  return `session=${id}; HttpOnly; SameSite=Strict; Path=/`
}

async function formOf(request) {
  let text = ''
  for await (const chunk of request) {
    text += chunk
    if (text.length > MOST_BODY_BYTES) throw new Error('the form is too large')
  }
  return new URLSearchParams(text)
}

function page(content) {
  return `<!doctype html><meta charset="utf-8"><title>Login</title>${content}`
}
