/**
 * Questions on a terminal, or answers from a pipe.
 *
 * On a terminal nothing that is typed shows unless a question is open whose answer may be seen: what is pasted too early, or with a
 * second line behind it, stays hidden as well. A pipe shows nothing anyway.
 */
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'

/** The answers ended before the questions, or the person pressed Ctrl-C. */
export class NoAnswerError extends Error {
  override name = 'NoAnswerError'
}

export type Prompt = ReturnType<typeof createPrompt>

export function createPrompt(options: {
  input: NodeJS.ReadableStream & { isTTY?: boolean }
  output: NodeJS.WritableStream
}) {
  const { input, output } = options
  const isTerminal = Boolean(input.isTTY)
  const lines: string[] = []
  let isShown = false
  let hasEnded = false
  let waiting: { resolve: (line: string) => void; reject: (error: Error) => void } | undefined

  const echo = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (isShown) output.write(chunk)
      done()
    },
  })
  const reader = createInterface({ input, output: echo, terminal: isTerminal, historySize: 0 })
  reader.on('line', (line) => {
    if (isTerminal && !isShown) output.write('\n')
    isShown = false
    if (waiting) settle()?.resolve(line)
    else lines.push(line)
  })
  reader.on('SIGINT', () => reader.close())
  reader.on('close', () => {
    hasEnded = true
    settle()?.reject(new NoAnswerError('no answer'))
  })

  return {
    /** Asks for something that may be seen. Rejects with `NoAnswerError` when nothing more can come. */
    ask(question: string): Promise<string> {
      isShown = isTerminal
      reader.setPrompt(question)
      if (isTerminal) reader.prompt()
      else output.write(`${question}\n`)
      return nextLine()
    },

    /** Asks for a secret: nothing of the answer shows, not even its length. */
    askSecret(question: string): Promise<string> {
      output.write(isTerminal ? question : `${question}\n`)
      return nextLine()
    },

    close: () => reader.close(),
  }

  function nextLine(): Promise<string> {
    const early = lines.shift()
    if (early !== undefined) {
      isShown = false
      if (isTerminal) output.write('\n')
      return Promise.resolve(early)
    }
    if (hasEnded) return Promise.reject(new NoAnswerError('no answer'))
    return new Promise((resolve, reject) => (waiting = { resolve, reject }))
  }

  function settle() {
    const settled = waiting
    waiting = undefined
    return settled
  }
}
