/** What a person must read to go on: no stack, but one line per fault, after the output of the tool that failed. */
export class Failure extends Error {
  name = 'Failure'

  constructor(message, { exitCode = 1, output = '' } = {}) {
    super(message)
    this.exitCode = exitCode
    this.output = output.trimEnd()
  }
}
