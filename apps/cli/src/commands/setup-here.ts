/** `setup` at this terminal. */
import { textOf, type CommandContext } from '../command.ts'
import { DEFAULT_ENV_FILE, readOwnEnvironment } from '../environment.ts'
import { json } from '../printable.ts'
import { createPrompt } from '../prompt.ts'
import { createSay, languageOf } from '../texts.ts'
import { runSetup } from './setup.ts'

/** Answers the exit code. With `--json` the conversation is on standard error, and what came of it is printed. */
export async function runSetupHere(context: CommandContext): Promise<number> {
  const { paint, values } = context
  const file = textOf(context, 'file') ?? DEFAULT_ENV_FILE
  const isJson = values['json'] === true
  const print = isJson ? (text: string) => void process.stderr.write(text) : context.print
  const prompt = createPrompt({ input: process.stdin, output: isJson ? process.stderr : process.stdout })
  try {
    const language = textOf(context, 'language')
    const say = createSay(language === 'en' || language === 'fr' ? language : languageOf(process.env))
    const environment = readOwnEnvironment(file)
    const code = await runSetup({ environment, envFile: file, prompt, say, paint, print })
    if (isJson) context.print(json({ isWritten: code === 0, file }))
    return code
  } finally {
    prompt.close()
  }
}
