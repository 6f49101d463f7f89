import type { GraphFault } from '@relais/core'

/** Meta's "Invalid parameter": with a subcode it is about the object, without one often about a field that it does not have. */
const INVALID_PARAMETER = 100

/** One field that an object does not have fails the whole call (one field report): then it is asked with fewer. */
export async function orWithFewerFields<Answer extends { kind: string }>(
  asked: Promise<Answer | GraphFault>,
  askFewer: () => Promise<Answer | GraphFault>,
): Promise<Answer | GraphFault> {
  const answer = await asked
  return isAboutField(answer) ? askFewer() : answer
}

function isAboutField(answer: { kind: string } | GraphFault): boolean {
  if (answer.kind !== 'refused' || !('error' in answer)) return false
  return answer.error.graphCode === INVALID_PARAMETER && answer.error.subcode === undefined
}
