import type { Clock } from './clock.ts'
import {
  defineTemplate,
  definitionOf,
  type QualityScore,
  type SimulatedTemplate,
  type Template,
  type TemplateCategory,
  type TemplateDefinition,
  type TemplateStatus,
} from './template.ts'
import {
  templateCategoryUpdate,
  templateQualityUpdate,
  templateStatusUpdate,
  type Announce,
} from './template-events.ts'

export const defaultTemplates: readonly SimulatedTemplate[] = [
  { name: 'otp_login', language: 'fr', codeExpirationMinutes: 5 },
]

/** What Meta, played by a person or a test, does to a template. */
export type TemplateChanges = {
  /** `PAUSED` is a pause for low quality: 3 h, the second time 6 h; the third time the template is disabled. */
  readonly status?: TemplateStatus | undefined
  /** `RED` pauses an approved template. */
  readonly qualityScore?: QualityScore | undefined
  /** Clears the time to live. */
  readonly category?: TemplateCategory | undefined
  /** Of a `REJECTED` template. Default `INVALID_FORMAT`. */
  readonly rejectedReason?: string | undefined
}

/** What the owner of a template may edit. */
export type TemplateEdit = Partial<
  Pick<TemplateDefinition, 'category' | 'components' | 'messageSendTtlSeconds'>
>

/** Names and languages together. */
const TEMPLATE_CAP = 6000
const FIRST_ID = 594_425_479_261_000
const HOUR_MS = 3_600_000
const THIRTY_DAYS_SECONDS = 2_592_000
const AUTHENTICATION_TTL_SECONDS = 600

/** Seconds a message of this template waits for a phone that is off, before it is dropped. */
export function ttlSecondsOf(template: Pick<Template, 'category' | 'messageSendTtlSeconds'>): number {
  const { category, messageSendTtlSeconds } = template
  if (messageSendTtlSeconds === -1) return THIRTY_DAYS_SECONDS
  if (messageSendTtlSeconds !== null) return messageSendTtlSeconds
  return category === 'AUTHENTICATION' ? AUTHENTICATION_TTL_SECONDS : THIRTY_DAYS_SECONDS
}

/**
 * The templates of the business, found by name and exact language. `reviewMs`: how long Meta looks at a template
 * that is created or edited, in simulated time; those for codes are approved at once.
 */
export function createTemplates(deps: {
  simulated: readonly SimulatedTemplate[]
  clock: Pick<Clock, 'now' | 'after'>
  announce: Announce
  reviewMs: () => number
}) {
  const { clock, announce } = deps
  const byKey = new Map<string, Template>()
  let created = 0

  function nextId(): string {
    created += 1
    return String(FIRST_ID + created)
  }

  function put(template: Template): Template {
    byKey.set(keyOf(template.name, template.language), template)
    return template
  }

  function byId(id: string): Template | undefined {
    for (const template of byKey.values()) if (template.id === id) return template
    return undefined
  }

  function setStatus(template: Template, status: TemplateStatus, changes: Partial<Template> = {}): Template {
    const next = put({ ...template, ...changes, status })
    announce('message_template_status_update', templateStatusUpdate(next, clock.now()))
    return next
  }

  function review(template: Template): Template {
    if (template.category === 'AUTHENTICATION') return setStatus(template, 'APPROVED')
    clock.after(deps.reviewMs(), () => {
      const current = byId(template.id)
      if (current?.status === 'PENDING') setStatus(current, 'APPROVED')
    })
    return template
  }

  function pause(template: Template): Template {
    const pauses = template.pauses + 1
    if (pauses > 2) return setStatus(template, 'DISABLED', { pauses })
    clock.after(pauses === 1 ? 3 * HOUR_MS : 6 * HOUR_MS, () => {
      const current = byId(template.id)
      if (current?.status === 'PAUSED' && current.pauses === pauses) unpause(current)
    })
    return setStatus(template, 'PAUSED', { pauses })
  }

  function unpause(template: Template): Template {
    return setStatus(template, 'APPROVED')
  }

  function moveStatus(template: Template, { status, rejectedReason }: TemplateChanges): Template {
    if (status === undefined || status === template.status) return template
    if (status === 'PAUSED') return pause(template)
    const reason = status === 'REJECTED' ? (rejectedReason ?? 'INVALID_FORMAT') : 'NONE'
    return setStatus(template, status, { rejectedReason: reason })
  }

  function moveQuality(template: Template, qualityScore: QualityScore | undefined): Template {
    if (qualityScore === undefined) return template
    const next = put({ ...template, qualityScore })
    if (qualityScore !== template.qualityScore)
      announce('message_template_quality_update', templateQualityUpdate(next, template.qualityScore))
    return qualityScore === 'RED' && next.status === 'APPROVED' ? pause(next) : next
  }

  function moveCategory(template: Template, category: TemplateCategory | undefined): Template {
    if (category === undefined || category === template.category) return template
    const next = put({ ...template, category, messageSendTtlSeconds: null })
    announce('template_category_update', templateCategoryUpdate(next, template.category))
    return next
  }

  /** Back to the templates of the start. */
  function reset(): void {
    byKey.clear()
    created = 0
    for (const simulated of deps.simulated)
      put(defineTemplate(nextId(), definitionOf(simulated), simulated.status ?? 'APPROVED'))
  }

  reset()
  return {
    all: () => [...byKey.values()],
    find: (name: string, language: string) => byKey.get(keyOf(name, language)),
    byId,
    isFull: () => byKey.size >= TEMPLATE_CAP,
    /** Starts the review. The caller has checked that name and language are free. */
    create: (definition: TemplateDefinition) => review(put(defineTemplate(nextId(), definition, 'PENDING'))),
    /** By its owner. New components are reviewed again; a new time to live is not. */
    edit(template: Template, changes: TemplateEdit): Template {
      const definition = { ...template, ...changes }
      if (changes.components === undefined && changes.category === undefined) return put(definition)
      return review(put({ ...defineTemplate(template.id, definition, 'PENDING'), pauses: template.pauses }))
    },
    /** By Meta; see `TemplateChanges`. Nothing when there is no such template. */
    update(id: string, changes: TemplateChanges): Template | undefined {
      const template = byId(id)
      if (template === undefined) return undefined
      const recategorised = moveCategory(template, changes.category)
      return moveStatus(moveQuality(recategorised, changes.qualityScore), changes)
    },
    /** Ends a pause; says whether there was one. */
    unpause(template: Template): boolean {
      const isPaused = template.status === 'PAUSED'
      if (isPaused) unpause(template)
      return isPaused
    },
    remove(template: Template): void {
      byKey.delete(keyOf(template.name, template.language))
      announce('message_template_status_update', templateStatusUpdate(template, clock.now(), 'DELETED'))
    },
    reset,
  }
}

export type Templates = ReturnType<typeof createTemplates>

function keyOf(name: string, language: string): string {
  return `${language} ${name}`
}
