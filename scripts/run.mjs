// `npm run start:api` and `npm run start:worker`: one built process, in production. The app runs in this very
// process, so signals and exit codes are its own.
import { requireSupportedNode } from './node-version.mjs'

requireSupportedNode()
void import('./built-app.mjs').then((built) => built.runBuiltApp(process.argv[2]))
