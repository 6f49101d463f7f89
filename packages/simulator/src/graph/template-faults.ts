import type { Refusal } from './reply.ts'

/** The components do not make a template. */
export function badComponents(message: string): Refusal {
  return {
    graphCode: 100,
    subcode: 2388043,
    sentence: 'Invalid parameter',
    userTitle: 'Message template "components" param is invalid',
    userMessage: message,
  }
}

/** Name and language are taken. */
export function duplicateTemplate(language: string): Refusal {
  return {
    graphCode: 100,
    subcode: 2388024,
    sentence: 'Invalid parameter',
    userTitle: 'Content in This Language Already Exists',
    userMessage: `There is already ${language} content for this template. You can create a new template and try again.`,
  }
}

/** The first refusal of several checks, each asked only if those before had nothing to say. */
export function firstOf(...checks: (() => Refusal | undefined)[]): Refusal | undefined {
  for (const check of checks) {
    const refusal = check()
    if (refusal !== undefined) return refusal
  }
  return undefined
}
