import type { GraphCall } from './call.ts'
import { templateHealth, type HealthIds } from './health.ts'
import type { Management } from './management.ts'
import { readNode, readNodes, type NodeFields, type NodeKind } from './node-fields.ts'
import { badParameter, refuse, reply, type Checked, type GraphReply, type Refusal } from './reply.ts'
import { isCategory, readComponents, readDefinition } from './template-definition.ts'
import { duplicateTemplate } from './template-faults.ts'
import { checkTtl } from './template-ttl.ts'
import { unknownKey } from './send-body.ts'
import type { Account } from '../world/account.ts'
import type { Template, TemplateDefinition } from '../world/template.ts'
import type { TemplateEdit, Templates } from '../world/templates.ts'

type Json = Readonly<Record<string, unknown>>

const kind: NodeKind = {
  name: 'WhatsAppMessageTemplate',
  defaults: ['name', 'parameter_format', 'language', 'status', 'category', 'components'],
}
const filters = ['name', 'status', 'language', 'category'] as const
const MOST_LANGUAGES = 100

/** The templates of the business: created, read, edited, unpaused, deleted. */
export function createTemplateNodes(deps: {
  ids: HealthIds
  account: Account
  templates: Templates
  management: Management
}) {
  const { templates, management, account, ids } = deps

  function fieldsOf(template: Template): NodeFields {
    const { id, name, language, status, category, components, qualityScore } = template
    return {
      id,
      name,
      language,
      status,
      category,
      components,
      parameter_format: isNamed(template) ? 'NAMED' : 'POSITIONAL',
      quality_score: { score: qualityScore },
      rejected_reason: template.rejectedReason,
      message_send_ttl_seconds: template.messageSendTtlSeconds,
      health_status: templateHealth(template, account.read(), ids),
    }
  }

  function add(definition: TemplateDefinition): Checked<Template> {
    if (templates.find(definition.name, definition.language) !== undefined)
      return { refusal: duplicateTemplate(definition.language) }
    if (templates.isFull())
      return { refusal: badParameter('The account has as many templates as it may have') }
    return { value: templates.create(definition) }
  }

  function put(definition: TemplateDefinition): Checked<Template> {
    const existing = templates.find(definition.name, definition.language)
    if (existing === undefined) return add(definition)
    const { components, messageSendTtlSeconds } = definition
    return { value: templates.edit(existing, { components, messageSendTtlSeconds }) }
  }

  return {
    has: (id: string) => templates.byId(id) !== undefined,
    /** `GET /{waba_id}/message_templates` */
    list: (call: GraphCall): GraphReply =>
      management.ofBusiness(call, 'get', () => {
        const fields = templates.all().map(fieldsOf)
        return readNodes(
          fields.filter((each) => fits(each, call.query)),
          call,
          kind,
        )
      }),
    /** `GET /{template_id}` */
    read: (call: GraphCall): GraphReply =>
      management.guard(call, 'get', templates.byId, (template) => readNode(fieldsOf(template), call, kind)),
    /** `POST /{waba_id}/message_templates` */
    create: (call: GraphCall): GraphReply =>
      management.ofBusiness(call, 'post', () => {
        const definition = readDefinition(call.body ?? {})
        if (definition.refusal !== undefined) return refuse(definition.refusal)
        const created = add(definition.value)
        return created.refusal === undefined ? reply(summary(created.value)) : refuse(created.refusal)
      }),
    /** `POST /{waba_id}/upsert_message_templates`: one authentication template in several languages. */
    upsert: (call: GraphCall): GraphReply =>
      management.ofBusiness(call, 'post', () => {
        const definitions = readLanguages(call.body ?? {})
        if (definitions.refusal !== undefined) return refuse(definitions.refusal)
        const data: object[] = []
        for (const definition of definitions.value) {
          const stored = put(definition)
          if (stored.refusal !== undefined) return refuse(stored.refusal)
          const { id, status, language } = stored.value
          data.push({ id, status, language })
        }
        return reply({ data })
      }),
    /** `POST /{template_id}`: new components, category or time to live. */
    edit: (call: GraphCall): GraphReply =>
      management.guard(call, 'post', templates.byId, (template) => {
        const edit = readEdit(call.body ?? {}, template)
        if (edit.refusal !== undefined) return refuse(edit.refusal)
        templates.edit(template, edit.value)
        return reply({ success: true })
      }),
    /** `POST /{template_id}/unpause` */
    unpause: (call: GraphCall): GraphReply =>
      management.guard(call, 'post', templates.byId, (template) =>
        templates.unpause(template)
          ? reply({ success: true })
          : refuse(badParameter('The template is not paused')),
      ),
    /** `DELETE /{waba_id}/message_templates?name=`: all its languages; with `hsm_id` that one. */
    remove: (call: GraphCall): GraphReply =>
      management.ofBusiness(call, 'delete', () => {
        const { name, hsm_id: id } = call.query
        if (name === undefined) return refuse(badParameter('The parameter name is required.'))
        const doomed = templates
          .all()
          .filter((each) => each.name === name && (id === undefined || each.id === id))
        if (doomed.length === 0) return refuse(NOT_FOUND)
        for (const template of doomed) templates.remove(template)
        return reply({ success: true })
      }),
  }
}

export type TemplateNodes = ReturnType<typeof createTemplateNodes>

const NOT_FOUND: Refusal = {
  graphCode: 100,
  subcode: 2593002,
  sentence: 'Invalid parameter',
  userTitle: 'Message Template Not Found',
  userMessage: 'The message template was not found.',
}

function summary({ id, status, category }: Template): object {
  return { id, status, category }
}

function isNamed({ shape }: Template): boolean {
  const variables = [...(shape.header?.variables ?? []), ...shape.body.variables]
  return variables.some((variable) => !/^\d+$/.test(variable))
}

function fits(fields: NodeFields, query: GraphCall['query']): boolean {
  return filters.every((filter) => query[filter] === undefined || query[filter] === fields[filter])
}

function readLanguages(body: Json): Checked<TemplateDefinition[]> {
  const { languages, ...common } = body
  if (!Array.isArray(languages) || languages.length === 0 || languages.length > MOST_LANGUAGES)
    return { refusal: badParameter('Param languages must be an array of languages') }
  if (common['category'] !== 'AUTHENTICATION')
    return { refusal: badParameter('Param category must be one of {AUTHENTICATION}') }
  const definitions: TemplateDefinition[] = []
  for (const language of new Set<unknown>(languages)) {
    const definition = readDefinition({ ...common, language })
    if (definition.refusal !== undefined) return definition
    definitions.push(definition.value)
  }
  return { value: definitions }
}

function readEdit(body: Json, template: Template): Checked<TemplateEdit> {
  const stranger = unknownKey(body, ['category', 'components', 'message_send_ttl_seconds'])
  if (stranger !== undefined) return { refusal: badParameter(`Unexpected key "${stranger}" on param $body`) }
  const { components, category = template.category, message_send_ttl_seconds: ttl } = body
  if (!['APPROVED', 'REJECTED', 'PAUSED'].includes(template.status))
    return { refusal: badParameter('Only approved, rejected and paused templates can be edited') }
  if (!isCategory(category) || (category !== template.category && template.status === 'APPROVED'))
    return { refusal: badParameter('The category of an approved template cannot be changed') }
  const refusal = checkTtl(ttl, category)
  if (refusal !== undefined) return { refusal }
  const stored =
    components === undefined ? undefined : readComponents(components, category, template.language)
  if (stored?.refusal !== undefined) return stored
  return {
    value: {
      ...(category === template.category ? {} : { category }),
      ...(stored === undefined ? {} : { components: stored.value }),
      ...(typeof ttl === 'number' ? { messageSendTtlSeconds: ttl } : {}),
    },
  }
}
