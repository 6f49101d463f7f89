/** Words that no error may hold: the API key, and what of a message only its recipient is to read. */

/** Fields of a body whose values are for one pair of eyes. */
const SECRET_FIELDS = ['code', 'text', 'parameters']

/** What is shorter is no code that Relais takes, and stands in many a word. */
const LEAST_LENGTH = 4

/** The values of a body that are secret, those of a batch included. */
export function secretsOf(body: unknown): string[] {
  if (Array.isArray(body)) return body.flatMap(secretsOf)
  if (typeof body !== 'object' || body === null) return []
  return Object.entries(body).flatMap(([name, value]) => {
    if (!SECRET_FIELDS.includes(name)) return secretsOf(value)
    return [value]
      .flat()
      .filter((each): each is string => typeof each === 'string' && each.length >= LEAST_LENGTH)
  })
}

/** The text without the secrets, whoever put them into it. */
export function without(secrets: readonly string[], text: string): string {
  return secrets.reduce((clean, secret) => clean.replaceAll(secret, '[secret]'), text)
}
