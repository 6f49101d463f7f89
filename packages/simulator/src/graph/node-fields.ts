import type { GraphCall } from './call.ts'
import { badParameter, refuse, reply, type GraphReply, type Refusal } from './reply.ts'

/** An object of the graph as it is read: everything it has. */
export type NodeFields = Readonly<Record<string, unknown>> & { readonly id: string }

/** What a kind of object is called, and which fields come unasked. */
export type NodeKind = { readonly name: string; readonly defaults: readonly string[] }

const PAGE_LENGTH = 25
const LONGEST_PAGE = 1000

/** One object with the fields that were asked for; one it does not have makes the whole call fail. */
export function readNode(node: NodeFields, call: GraphCall, kind: NodeKind): GraphReply {
  const asked = askedFields(call, kind)
  const refusal = nonexistingField(node, asked, kind)
  return refusal === undefined ? reply(subset(node, asked)) : refuse(refusal)
}

/** A page of objects, with cursors: `limit`, `after` and `before` count from ids. */
export function readNodes(nodes: readonly NodeFields[], call: GraphCall, kind: NodeKind): GraphReply {
  const asked = askedFields(call, kind)
  const [first] = nodes
  const refusal = first === undefined ? undefined : nonexistingField(first, asked, kind)
  if (refusal !== undefined) return refuse(refusal)
  const limit = Number(call.query['limit'] ?? PAGE_LENGTH)
  if (!Number.isSafeInteger(limit) || limit < 1)
    return refuse(badParameter('limit must be a positive number'))
  const page = pageOf(nodes, Math.min(limit, LONGEST_PAGE), call.query)
  if (page === undefined) return refuse(badParameter('Invalid cursor'))
  return reply({ data: page.items.map((item) => subset(item, asked)), ...pagingOf(page, call) })
}

type Page = { items: readonly NodeFields[]; hasBefore: boolean; hasAfter: boolean }

function pageOf(nodes: readonly NodeFields[], limit: number, query: GraphCall['query']): Page | undefined {
  const cursor = query['after'] ?? query['before']
  const at = cursor === undefined ? -1 : nodes.findIndex(({ id }) => cursorOf(id) === cursor)
  if (cursor !== undefined && at < 0) return undefined
  const isBackwards = query['after'] === undefined && query['before'] !== undefined
  const start = isBackwards ? Math.max(0, at - limit) : at + 1
  const end = isBackwards ? at : start + limit
  return { items: nodes.slice(start, end), hasBefore: start > 0, hasAfter: end < nodes.length }
}

/** Empty pages have no cursors; `next` and `previous` are there when something is. */
function pagingOf({ items, hasBefore, hasAfter }: Page, call: GraphCall): object {
  const [first, last] = [items[0], items.at(-1)]
  if (first === undefined || last === undefined) return {}
  const cursors = { before: cursorOf(first.id), after: cursorOf(last.id) }
  return {
    paging: {
      cursors,
      ...(hasBefore ? { previous: pageUrl(call, 'before', cursors.before) } : {}),
      ...(hasAfter ? { next: pageUrl(call, 'after', cursors.after) } : {}),
    },
  }
}

/** The URL of another page. It holds no token: that belongs in the header. */
function pageUrl(call: GraphCall, direction: 'before' | 'after', cursor: string): string {
  const query = new URLSearchParams(call.query)
  for (const name of ['before', 'after', 'access_token', 'appsecret_proof']) query.delete(name)
  query.set(direction, cursor)
  return `${call.url}?${query.toString()}`
}

function cursorOf(id: string): string {
  return Buffer.from(id).toString('base64')
}

/** `id` always comes along. `quality_score{score}` asks for `quality_score`. */
function askedFields(call: GraphCall, { defaults }: NodeKind): string[] {
  const asked = call.query['fields']?.replace(/\{[^}]*\}/g, '').split(',')
  const names = asked?.map((field) => field.trim()).filter((field) => field !== '') ?? defaults
  return [...new Set([...names, 'id'])]
}

function nonexistingField(
  node: NodeFields,
  asked: readonly string[],
  { name }: NodeKind,
): Refusal | undefined {
  const stranger = asked.find((field) => !Object.hasOwn(node, field))
  if (stranger === undefined) return undefined
  return badParameter(`Tried accessing nonexisting field (${stranger}) on node type (${name})`)
}

function subset(node: NodeFields, asked: readonly string[]): object {
  return Object.fromEntries(asked.map((field) => [field, node[field]]))
}
