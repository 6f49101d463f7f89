import type { CallKind } from './call-log.ts'
import type { GraphCall } from './call.ts'
import type { GraphReply } from './reply.ts'

export type Handle = (call: GraphCall) => GraphReply | Promise<GraphReply>

export type Route = {
  readonly kind: CallKind
  readonly handle: Handle
  /** Counts against the hourly limit of the business. */
  readonly isManagement?: true
}

/** What a path alone does not decide. */
type Asked = { readonly node: string; readonly query: GraphCall['query'] }

/** `GET oauth/access_token` or `POST` and `*` for one part of the path; the version is left out. */
export type Routes = Readonly<Record<string, Route | ((asked: Asked) => Route)>>

/** A path taken apart: `/v26.0/106540352242922/messages`. */
export type GraphPath = {
  readonly version: string
  readonly node: string
  readonly rest?: string | undefined
  /** Nothing: no such path. */
  readonly key?: string | undefined
}

/** Finds the key of a call's route; a fixed path wins over one with a star. */
export function readPath(routes: Routes, method: string, url: string): GraphPath {
  const end = url.indexOf('?')
  const parts = decoded(end < 0 ? url : url.slice(0, end))
  const [, version = '', node = '', edge, rest, ...more] = parts ?? []
  if (node === '' || more.length > 0) return { version, node }
  if (rest !== undefined) return { version, node, rest, key: known(routes, `${method} */${edge}/*`) }
  const tail = edge === undefined ? '' : `/${edge}`
  return {
    version,
    node,
    key: known(routes, `${method} ${node}${tail}`) ?? known(routes, `${method} *${tail}`),
  }
}

/** The route behind a key. */
export function routeOf(routes: Routes, key: string | undefined, asked: Asked): Route | undefined {
  const found = key === undefined ? undefined : routes[key]
  return typeof found === 'function' ? found(asked) : found
}

function known(routes: Routes, key: string): string | undefined {
  return Object.hasOwn(routes, key) ? key : undefined
}

function decoded(path: string): string[] | undefined {
  const parts = path.split('/')
  if (!path.includes('%')) return parts
  try {
    return parts.map(decodeURIComponent)
  } catch {
    return undefined
  }
}
