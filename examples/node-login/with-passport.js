// A login by phone with Passport: a strategy that asks Relais whether the code is right.
//   RELAIS_URL=http://127.0.0.1:3000 API_KEY=... PORT=8080 node with-passport.js
import { callbackify } from 'node:util'
import passport from 'passport'
import { Strategy as CustomStrategy } from 'passport-custom'
import { createSite, open } from './express-site.js'

const { site, login } = createSite()

const finish = callbackify(login.finish)
passport.use(
  'phone',
  new CustomStrategy((request, done) => finish(request.session.pending, request.body?.code, done)),
)
passport.serializeUser(({ id }, done) => done(null, id))
passport.deserializeUser((id, done) => done(null, { id }))

site.use(passport.session())
// Passport gives the session a new id when somebody has logged in, and forgets what was in the old one.
site.post('/finish', passport.authenticate('phone'), (_request, response) => response.redirect(303, '/'))
site.get('/', ({ user }, response) => response.end(user ? `Logged in as ${user.id}` : 'Not logged in'))

open(site)
