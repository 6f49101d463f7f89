// A login by phone with Auth.js: a credentials provider that asks Relais whether the code is right.
//   RELAIS_URL=http://127.0.0.1:3000 API_KEY=... PORT=8080 node with-authjs.js
import { ExpressAuth, getSession } from '@auth/express'
import Credentials from '@auth/express/providers/credentials'
import { createSite, open, SESSION_SECRET } from './express-site.js'

const { site, login } = createSite()

/** Made for each request: only its own session says which verification the code is for. */
const authFor = ({ session }) => ({
  secret: SESSION_SECRET,
  trustHost: true,
  providers: [
    Credentials({
      credentials: { code: {} },
      authorize: ({ code }) => login.finish(session.pending, code),
    }),
  ],
  callbacks: { session: ({ session: own, token }) => ({ ...own, user: { id: token.sub } }) },
  // A wrong code is no error of this site.
  logger: { error: ({ type }) => type === 'CredentialsSignin' || process.stderr.write(`${type}\n`) },
})

site.use('/auth', (request, response, next) => ExpressAuth(authFor(request))(request, response, next))
site.get('/', async (request, response) => {
  const session = await getSession(request, authFor(request))
  response.end(session ? `Logged in as ${session.user.id}` : 'Not logged in')
})

open(site)
