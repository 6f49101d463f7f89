/** What a request may be nested, and much more. Deeper down all values look the same: such a body is refused in any case. */
const MOST_LEVELS = 16

/** The same text for two JSON values that differ only in how they are written: white space, order of members. */
export function canonicalJson(value: unknown, levels = MOST_LEVELS): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (levels === 0) return '…'
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item, levels - 1)).join()}]`
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const texts = members.map(([name, item]) => `${JSON.stringify(name)}:${canonicalJson(item, levels - 1)}`)
  return `{${texts.join()}}`
}
