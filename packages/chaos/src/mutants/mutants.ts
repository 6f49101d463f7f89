/** Pieces of the product that a run can leave out, to see that the auditor notices. */

export type Mutant = 'sweep' | 'fallback'

/** In which built file what text becomes what. Text that is not there is an error: then the product has changed. */
export const MUTANTS: Record<Mutant, { file: string; text: string; becomes: string }> = {
  /** Nobody looks at messages whose time has come. */
  sweep: { file: '/apps/worker/dist/open.js', text: 'sweep.start();', becomes: '' },
  /** A job that gives a message up just fails, and nothing is decided or put on the queue of the fallback before. */
  fallback: {
    file: '/apps/worker/dist/take-step.js',
    text: 'const { reason: final, decided } = await end.fallBack(message, { reason, detail, claims: message.claims });',
    becomes: 'const final = reason, decided = {};',
  },
}

export const MUTANT_NAMES = Object.keys(MUTANTS) as Mutant[]

/** The arguments of node that start a worker without these pieces. */
export function nodeArgsWithout(mutants: readonly Mutant[]): string[] {
  if (mutants.length === 0) return []
  // The built module, also when tests run the sources: a process loads what is built.
  const register = new URL('../../dist/mutants/register.js', import.meta.url)
  register.searchParams.set('without', mutants.join(','))
  return ['--import', register.href]
}
