/** `docs/cli.md`, made from the table of commands. */
import type { Command, Options } from '../src/command.ts'
import { COMMON_EXIT_CODES, COMMON_OPTIONS, TOPICS } from '../src/commands.ts'
import { meaningOf, optionText, takesOf } from '../src/help.ts'

export function cliDocument(): string {
  return `# The command line of the operators

Made from \`apps/cli/src/catalogue\`; a test keeps both alike. \`npx relais help\` and \`npx relais help COMMAND\` say the same.

\`npx relais\` works in this folder once it is built (\`npm run build\`, \`npm start\` or \`npm test\`); in containers it is \`docker compose exec api relais\`. With
\`--json\` the answer alone is on standard output, for programs; why something was not done is on standard error. Texts of others (references, reasons, names) cannot
drive the terminal: what is no character to be seen is a \`?\`, and escaped in JSON.

Commands that ask the API do so at \`--url\`, else \`RELAIS_URL\`, else \`http://127.0.0.1:PORT\`, with the key in \`RELAIS_OPS_KEY\`, else the first plain one of \`OPS_KEYS\`. The others
work in Redis itself, with its settings and \`ENCRYPTION_KEYS\`; \`RELAIS_OPERATOR\` says who that is in the audit (the user of this machine unless set). Settings come from the environment, then
from \`.env\`, then from what \`npm start\` made for itself. Secrets are read from there or asked for, never taken as arguments.

Completion: \`source <(npx relais completion bash)\`, or \`zsh\`. It knows the commands as they were when it was printed.

## Every command

${optionTable(COMMON_OPTIONS)}

${exitTable(COMMON_EXIT_CODES)}
${TOPICS.map(({ title, commands }) => `\n## ${title}\n${Object.entries(commands).map(section).join('')}`).join('')}`
}

function section([name, command]: [string, Command]): string {
  const { about, more, words = [], options, examples, exitCodes } = command
  const what = about.charAt(0).toUpperCase() + about.slice(1)
  return `
### ${name}

\`npx relais ${`${name} ${takesOf(command)}`.trimEnd()}\`

${what}${/[.?]$/.test(what) ? '' : '.'}${more === undefined ? '' : ` ${more}`}

${words.map((word) => `- \`${word.name}\`: ${word.about}${(word.values?.length ?? 0) > 1 ? `: ${word.values?.join(', ')}` : ''}\n`).join('')}${words.length > 0 ? '\n' : ''}${optionTable(options)}

\`\`\`sh
${examples.map((example) => `npx relais ${example.line}      # ${example.about}`).join('\n')}
\`\`\`

${exitTable(exitCodes)}
`
}

function optionTable(options: Options): string {
  const rows = Object.entries(options).map(
    ([name, option]) => `| \`${optionText(name, option).replaceAll('|', '\\|')}\` | ${meaningOf(option)} |`,
  )
  return ['| option | meaning |', '| --- | --- |', ...rows].join('\n')
}

function exitTable(exitCodes: Readonly<Record<number, string>>): string {
  const rows = Object.entries(exitCodes).map(([code, meaning]) => `| ${code} | ${meaning} |`)
  return ['| exit code | when |', '| --- | --- |', ...rows].join('\n')
}
