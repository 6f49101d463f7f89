/** What a refusal of one message means for those that would follow it. */
import { reasonForWaiting, type Failure, type Message, type Pauses } from '@relais/core'

type Template = { name: string; language: string }

/** The template of a message, if it has one. */
export function templateOf({ template, language }: Message): Template | undefined {
  return template === undefined || language === undefined ? undefined : { name: template, language }
}

/** Pauses the sender, or the template in its language, if this failure holds for them. */
export async function beginPause(
  pauses: Pauses,
  { failure, detail, pauses: what }: Failure,
  template: Template | undefined,
): Promise<void> {
  const paused = what === 'template' ? template : what
  if (paused) await pauses.begin(paused, { reason: reasonForWaiting(failure), detail })
}
