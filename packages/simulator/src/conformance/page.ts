import { listOf, matching, object, text, type JsonSchema } from './schema.ts'
import { proofParameter } from './tokens.ts'

/** Names, with commas between them. */
const fieldList = matching('^[a-z_]+(,[a-z_]+)*$')

export const fieldsQuery = object({}, { fields: fieldList, ...proofParameter })

/** A list: a page of at most 100, before or after a cursor. */
export const pageParameters = {
  fields: fieldList,
  limit: matching('^([1-9][0-9]?|100)$'),
  before: text,
  after: text,
  ...proofParameter,
}
export const pageQuery = object({}, pageParameters)

/** A page of a list: the cursors are there when the list is not empty. */
export function pageOf(item: JsonSchema): JsonSchema {
  const cursors = object({}, { before: text, after: text })
  return object({ data: listOf(item) }, { paging: object({}, { cursors, next: text, previous: text }) })
}
