/** `completion`: a script for the shell, from the same table as everything else. */
import { UsageError, type CommandContext } from '../command.ts'
import { completionFor } from '../completion.ts'
import { json } from '../printable.ts'

/** Answers the exit code. */
export async function printCompletion({ positionals, values, print }: CommandContext): Promise<number> {
  const [shell] = positionals
  if (shell !== 'bash' && shell !== 'zsh')
    throw new UsageError('completion takes the name of a shell: bash or zsh')
  const script = completionFor(shell)
  print(values['json'] ? json({ shell, script }) : script)
  return 0
}
