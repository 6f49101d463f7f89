/** `setup` at this terminal. */
import type { Language } from '../arguments.ts'
import type { CommandContext } from '../command.ts'
import { DEFAULT_ENV_FILE, readOwnEnvironment } from '../environment.ts'
import { createPrompt } from '../prompt.ts'
import { createSay, languageOf } from '../texts.ts'
import { runSetup } from './setup.ts'

/** Answers the exit code. @param deps.file the `.env` to write */
export async function runSetupHere(
  deps: Pick<CommandContext, 'paint' | 'print'> & {
    language: Language | undefined
    file: string | undefined
  },
): Promise<number> {
  const { language, file = DEFAULT_ENV_FILE, paint, print } = deps
  const prompt = createPrompt({ input: process.stdin, output: process.stdout })
  try {
    const say = createSay(language ?? languageOf(process.env))
    return await runSetup({ environment: readOwnEnvironment(file), envFile: file, prompt, say, paint, print })
  } finally {
    prompt.close()
  }
}
