// What the logins with Passport and Auth.js stand on: Express, a session in memory, and the form that sends a code.
import { randomBytes } from 'node:crypto'
import { ProblemError } from '@relais/client'
import express from 'express'
import session from 'express-session'
import { createPhoneLogin } from './phone-login.js'

const { RELAIS_URL = 'http://127.0.0.1:3000', API_KEY = '', PORT = '8080' } = process.env

/** Signs cookies. In production: one that stays, from the environment. */
export const SESSION_SECRET = process.env.SESSION_SECRET ?? randomBytes(32).toString('hex')

/** @returns the site, and the login that its `POST /start` began; `session.pending` is for `login.finish` */
export function createSite() {
  const users = new Map()
  const login = createPhoneLogin({ url: RELAIS_URL, key: API_KEY }, async (phone) => {
    if (!users.has(phone)) users.set(phone, { id: randomBytes(8).toString('hex') })
    return users.get(phone)
  })
  const site = express()
  // In production: a store of sessions that all processes share, and `secure: true`.
  const cookie = { httpOnly: true, sameSite: 'strict' }
  site.use(session({ secret: SESSION_SECRET, cookie, resave: false, saveUninitialized: false }))
  site.use(express.urlencoded({ limit: '1kb' }))

  site.post('/start', async (request, response) => {
    try {
      request.session.pending = await login.start(String(request.body?.phone), request.ip)
      response.end()
    } catch (error) {
      if (!(error instanceof ProblemError) || error.status >= 500) throw error
      response.status(error.status)
      response.end(error.status === 429 ? 'Wait a little, then try again.' : 'No code can be sent there.')
    }
  })
  return { site, login }
}

/** Call it when all routes are there: what fails is answered, and nothing of the request is shown or logged, for it may be a code. */
export function open(site) {
  site.use((_error, _request, response, _next) => response.status(503).end('Try again in a moment.'))
  const server = site.listen(Number(PORT), '127.0.0.1', () =>
    process.stdout.write(`http://127.0.0.1:${server.address().port}\n`),
  )
}
