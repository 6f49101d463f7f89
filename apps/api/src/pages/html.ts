/** Pages are written as text. What goes into them is escaped unless it is `Html` itself, so nothing that a record holds can become markup. */

/** A piece of a page. Only `html` makes one. */
export class Html {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  toString(): string {
    return this.text
  }
}

/** What may stand in a page. Nothing is shown for `undefined`, `null` and `false`. */
export type Shown = Html | string | number | false | null | undefined | readonly Shown[]

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Makes a piece of a page. Values may stand in text and in attributes that are in quotes, and nowhere else. */
export function html(parts: TemplateStringsArray, ...values: Shown[]): Html {
  return new Html(parts.reduce((text, part, i) => text + written(values[i - 1]) + part))
}

function written(value: Shown): string {
  if (value instanceof Html) return value.text
  if (value === undefined || value === null || value === false) return ''
  if (typeof value === 'object') return value.map(written).join('')
  return String(value).replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}
