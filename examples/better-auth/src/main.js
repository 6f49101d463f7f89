import { createAuth } from './auth.js'
import { createApp } from './server.js'

const {
  PORT = '3200',
  RELAIS_URL = 'http://127.0.0.1:3000',
  RELAIS_API_KEY,
  BETTER_AUTH_SECRET,
} = process.env

const missing = Object.entries({ RELAIS_API_KEY, BETTER_AUTH_SECRET }).flatMap(([name, value]) =>
  value ? [] : [`${name} is not set`],
)
if (missing.length > 0) {
  process.stderr.write(`${missing.join('\n')}\n`)
  process.exit(78)
}

const baseUrl = `http://127.0.0.1:${PORT}`
const auth = createAuth({
  baseUrl,
  secret: BETTER_AUTH_SECRET,
  relaisUrl: RELAIS_URL,
  relaisKey: RELAIS_API_KEY,
})
const app = await createApp(auth)
app.listen(Number(PORT), '127.0.0.1', () => process.stdout.write(`listening at ${baseUrl}\n`))
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => app.close())
