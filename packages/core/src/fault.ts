/** Why a value was refused. Never contains the value: it may be a secret. */
export class Fault {
  readonly problem: string
  constructor(problem: string) {
    this.problem = problem
  }
}
