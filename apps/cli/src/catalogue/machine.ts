/** Setting it up, and looking after its secrets. */
import type { Commands } from '../command.ts'
import { JSON_OPTION, NO_REDIS } from './shared.ts'

export const MACHINE: Commands = {
  setup: {
    about: "a guide that collects Meta's values, checks each, and writes .env",
    more: 'Secrets are asked for, never taken as arguments. The same as scripts/get-whatsapp-tokens.sh.',
    options: {
      json: { type: 'boolean', about: 'print what came of it as JSON; the questions are on standard error' },
      language: {
        type: 'string',
        values: ['en', 'fr'],
        about: 'that of the questions; as the terminal has it unless given',
      },
    },
    examples: [
      { line: 'setup', about: 'collect what is missing' },
      { line: 'setup --language fr --file other.env', about: 'in French, into another file' },
    ],
    exitCodes: { 0: 'written', 1: 'nothing was written' },
    run: async (context) => (await import('../commands/setup-here.ts')).runSetupHere(context),
  },
  reseal: {
    about: 'seals what lives under old ENCRYPTION_KEYS under the first, and says what is left',
    options: { ...JSON_OPTION, 'dry-run': { type: 'boolean', about: 'only say what there is' } },
    examples: [
      { line: 'reseal --dry-run', about: 'what is sealed under which key' },
      { line: 'reseal', about: 'before an old key goes' },
    ],
    exitCodes: { 0: 'nothing is left under another key', 1: `something is left, or ${NO_REDIS}` },
    run: async (context) => (await import('../commands/reseal.ts')).reseal(context),
  },
  completion: {
    about: 'prints a script that completes commands, options and values in a shell',
    words: [{ name: 'SHELL', about: 'which shell', values: ['bash', 'zsh'] }],
    options: JSON_OPTION,
    examples: [
      {
        line: 'completion bash > ~/.local/share/bash-completion/completions/relais',
        about: 'for bash, for good',
      },
      { line: 'completion zsh > ~/.zfunc/_relais', about: 'for zsh, in a folder of its fpath' },
    ],
    exitCodes: { 0: 'printed' },
    run: async (context) => (await import('../commands/completion.ts')).printCompletion(context),
  },
}
