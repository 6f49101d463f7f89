/** `docs/errors.md`, made from the table of errors and the rules for each class. */
import { CLASSES, FAILURES } from '@relais/core'

export function errorDocument(): string {
  const classes = Object.entries(CLASSES).map(
    ([name, { concerns, does }]) => `| \`${name}\` | ${concerns} | ${does} |`,
  )
  const codes = FAILURES.map((row) => {
    const does = [CLASSES[row.failure].short, ...more(row)].join('; ')
    return `| ${row.graphCode} | ${row.title} | \`${row.failure}\` | ${row.meaning} | ${does} | ${row.remedy} |`
  })
  return `# What Meta's errors mean, and what Relais does

Made from \`packages/core/src/graph/failure-table.ts\`; a test keeps both alike. The same words stand in the timeline of a message.
Decided by the code, not by the HTTP status or the title, which have changed over the years.

## Classes

| class | whom it concerns | what Relais does |
| --- | --- | --- |
${classes.join('\n')}

Codes that are not listed: \`is_transient\` or HTTP 5xx is \`transient\`, 401 \`token-expired\`, 403 \`auth-permission\`, 429
\`rate-limited-sender\`, anything else \`permanent-request\`. 200 to 299 is \`auth-permission\`; so is 100 as a \`GraphMethodException\`. A code of a dead token
with HTTP 5xx is \`transient\`: a fault of Meta's own must not cost the token.

**Paused** means: nothing more is sent with the sender, or with this template in this language, and messages fall back at once. After 5 s,
then in doubling gaps up to half an hour, one message is let through as a probe; the first that Meta takes ends the pause.

## Codes

| code | title | class | meaning | what Relais does | what a person does |
| --- | --- | --- | --- | --- | --- |
${codes.join('\n')}
`
}

function more({ pauses, maxTries, waitMs }: (typeof FAILURES)[number]): string[] {
  return [
    ...(maxTries === undefined ? [] : [`at most ${maxTries} tries`]),
    ...(waitMs === undefined ? [] : [`after ${waitMs / 1000} s`]),
    ...(pauses === undefined ? [] : [`${pauses} paused`]),
  ]
}
