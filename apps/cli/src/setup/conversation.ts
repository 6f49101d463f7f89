/** How the guide talks: questions that are asked until the answer will do, and calls that are made until Meta answers. */
import { describeFault, fingerprint, Secret, type GraphFault } from '@relais/core'
import { wrapped, type Paint } from '../paint.ts'
import { plain } from '../printable.ts'
import type { Prompt } from '../prompt.ts'
import type { Say, TextKey } from '../texts.ts'

const WIDTH = 100
const LABEL_WIDTH = 28

/** The person gave up. */
export class StoppedError extends Error {
  override name = 'StoppedError'
}

export type Conversation = ReturnType<typeof createConversation>

/** A format that is checked at once: which text says what is wrong. */
export type FormatCheck = (text: string) => TextKey | undefined

export function createConversation(deps: {
  prompt: Prompt
  say: Say
  paint: Paint
  print: (text: string) => void
}) {
  const { prompt, say, paint, print } = deps

  return {
    say,
    heading: (key: TextKey) => print(`\n${paint.bold(say(key))}\n`),
    tell: (key: TextKey, values?: Record<string, string>) => tell(say(key, values)),
    good: (key: TextKey, values?: Record<string, string>) => tell(say(key, values), paint.green),
    complain: (key: TextKey, values?: Record<string, string>) => tell(say(key, values), paint.yellow),
    confirm,

    /** One value of the summary; of a secret its fingerprint. */
    line(name: string, value: string | Secret): void {
      const shown =
        value instanceof Secret ? say('fingerprintOf', { fingerprint: fingerprint(value) }) : value
      print(`  ${name.padEnd(LABEL_WIDTH)}${shown}\n`)
    },

    /** @param present the value that Enter keeps */
    async askText(key: TextKey, present: string | undefined, check: FormatCheck): Promise<string> {
      const keep = present === undefined ? [] : [say('keepValue', { value: present })]
      return ask(() => prompt.ask(`${[say(key), ...keep].join(' ')}: `), present, check)
    },

    async askSecret(key: TextKey, present: Secret | undefined, check: FormatCheck): Promise<Secret> {
      const keep = present === undefined ? [] : [say('keepSecret', { fingerprint: fingerprint(present) })]
      const question = `${[say(key), say('hidden'), ...keep].join(' ')}: `
      return new Secret(await ask(() => prompt.askSecret(question), present?.reveal(), check))
    },

    /** Asks Meta, again if need be. What comes back is an answer or a refusal. */
    async untilAnswered<Answer extends { kind: string }>(
      call: () => Promise<Answer | GraphFault>,
    ): Promise<Answer | Extract<GraphFault, { kind: 'refused' }>> {
      for (;;) {
        const answer = await call()
        if (!isNoAnswer(answer)) return answer as Exclude<typeof answer, { kind: 'unreachable' }>
        tell(say('metaSilent', { detail: describeFault(answer).error }), paint.yellow)
        if (!(await confirm('tryAgain', true))) throw new StoppedError('stopped')
      }
    },
  }

  /** Each turn takes one answer; when none is left the prompt says so. */
  async function ask(
    read: () => Promise<string>,
    present: string | undefined,
    check: FormatCheck,
  ): Promise<string> {
    for (;;) {
      const text = (await read()).trim() || present
      const fault = text === undefined ? 'empty' : check(text)
      if (text !== undefined && fault === undefined) return text
      tell(say(fault ?? 'empty'), paint.yellow)
    }
  }

  async function confirm(
    key: TextKey,
    isYesByDefault: boolean,
    values?: Record<string, string>,
  ): Promise<boolean> {
    for (;;) {
      const text = (await prompt.ask(`${say(key, values)} `)).trim().toLowerCase()
      if (text === '') return isYesByDefault
      if (say('yes').split(' ').includes(text)) return true
      if (say('no').split(' ').includes(text)) return false
    }
  }

  function tell(text: string, dye: (line: string) => string = (line) => line): void {
    for (const line of wrapped(plain(text), WIDTH)) print(`${dye(line)}\n`)
  }
}

/** No answer, or a fault of Meta's own: it says nothing about what was asked. */
function isNoAnswer(answer: { kind: string } | GraphFault): answer is GraphFault {
  if (answer.kind === 'unreachable') return true
  return answer.kind === 'refused' && 'error' in answer && answer.error.statusCode >= 500
}
