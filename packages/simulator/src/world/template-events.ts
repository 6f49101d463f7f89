import type { QualityScore, Template, TemplateCategory } from './template.ts'

/** Tells the subscribers of the account: `{field, value}` of one change in a webhook. */
export type Announce = (field: string, value: object) => void

/** `message_template_status_update`. `now` in milliseconds. */
export function templateStatusUpdate(template: Template, now: number, event = eventOf(template)): object {
  return {
    event,
    ...subjectOf(template),
    message_template_category: template.category,
    reason: template.rejectedReason,
    ...detailsOf(template, event, now),
  }
}

/** `message_template_quality_update` */
export function templateQualityUpdate(template: Template, previous: QualityScore): object {
  return {
    ...subjectOf(template),
    previous_quality_score: previous,
    new_quality_score: template.qualityScore,
  }
}

/** `template_category_update` */
export function templateCategoryUpdate(template: Template, previous: TemplateCategory): object {
  return { ...subjectOf(template), previous_category: previous, new_category: template.category }
}

/** The id is a number here and a string in the API; the language is written with a hyphen. */
function subjectOf(template: Template): object {
  return {
    message_template_id: Number(template.id),
    message_template_name: template.name,
    message_template_language: template.language.replace('_', '-'),
  }
}

function eventOf({ status, pauses }: Template): string {
  return status === 'APPROVED' && pauses > 0 ? 'REINSTATED' : status
}

function detailsOf(template: Template, event: string, now: number): object {
  if (event === 'PAUSED') return { other_info: pauseInfo(template.pauses) }
  if (event === 'DISABLED') return { disable_info: { disable_date: Math.floor(now / 1000) } }
  if (event !== 'REJECTED') return {}
  return {
    rejection_info: { reason: template.rejectedReason, recommendation: 'Edit the template and try again.' },
  }
}

function pauseInfo(pauses: number): object {
  const [title, hours] = pauses === 1 ? ['FIRST_PAUSE', 3] : ['SECOND_PAUSE', 6]
  return { title, description: `Your WhatsApp message template has been paused for ${hours} hours.` }
}
