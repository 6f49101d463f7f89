// Runs the compiled client where there is nothing but what every platform of the web has. Arguments: url, key. Prints what `send` answers.
import { readFile } from 'node:fs/promises'
import vm from 'node:vm'

const names = [
  'fetch',
  'crypto',
  'performance',
  'setTimeout',
  'clearTimeout',
  'AbortController',
  'AbortSignal',
  'Headers',
  'Request',
  'Response',
  'TextDecoder',
  'URL',
]
const context = vm.createContext(Object.fromEntries(names.map((name) => [name, globalThis[name]])))
const modules = new Map()

async function load(specifier, from) {
  if (!specifier.startsWith('./')) throw new Error(`the client imports ${specifier}`)
  const url = new URL(specifier, from)
  const source = await readFile(url, 'utf8')
  const known = modules.get(url.href)
  if (known) return known
  const loaded = new vm.SourceTextModule(source, { context, identifier: url.href })
  modules.set(url.href, loaded)
  return loaded
}

const entry = await load('./index.js', new URL('../dist/', import.meta.url))
await entry.link((specifier, { identifier }) => load(specifier, identifier))
await entry.evaluate()
const [url, key] = process.argv.slice(2)
const relais = entry.namespace.createRelais({ url, key })
process.stdout.write(JSON.stringify(await relais.send({ to: '+221771234567', type: 'otp', code: '482913' })))
