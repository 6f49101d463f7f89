import {
  anyObject,
  flag,
  language,
  listOf,
  matching,
  messageId,
  object,
  oneOf,
  shortText,
  templateName,
  text,
  userId,
  variants,
  waId,
  type JsonSchema,
} from './schema.ts'

/** `+`, country code and number, with the signs people put between digits. Without `+` Meta guesses the country. */
const recipient = matching('^\\+[1-9][0-9 ()-]{5,}$')

const common = {
  required: {
    messaging_product: oneOf('whatsapp'),
    recipient_type: oneOf('individual', 'group'),
  },
  optional: {
    to: recipient,
    recipient: userId,
    biz_opaque_callback_data: shortText(512),
    context: object({ message_id: messageId }),
  },
}

const textParameter = object({ type: oneOf('text'), text }, { parameter_name: matching('^[a-z0-9_]+$') })
const valueParameter = variants('type', [
  textParameter,
  object({ type: oneOf('currency'), currency: anyObject }, { parameter_name: text }),
  object({ type: oneOf('date_time'), date_time: anyObject }, { parameter_name: text }),
])

/** The position of a button, from zero, as text. */
const buttonIndex = matching('^[0-9]$')

const button = variants('sub_type', [
  object({
    type: oneOf('button'),
    sub_type: oneOf('url'),
    index: buttonIndex,
    parameters: listOf(object({ type: oneOf('text'), text }), { min: 1, max: 1 }),
  }),
  object({
    type: oneOf('button'),
    sub_type: oneOf('quick_reply'),
    index: buttonIndex,
    parameters: listOf(object({ type: oneOf('payload'), payload: text }), { min: 1, max: 1 }),
  }),
])

const component = variants('type', [
  object({ type: oneOf('header'), parameters: listOf(textParameter, { min: 1 }) }),
  object({ type: oneOf('body'), parameters: listOf(valueParameter, { min: 1 }) }),
  { ...button, properties: { type: oneOf('button') }, required: ['type'] },
])

const textMessage = object(
  { ...common.required, type: oneOf('text'), text: object({ body: shortText(4096) }, { preview_url: flag }) },
  common.optional,
)

const templateMessage = object(
  {
    ...common.required,
    type: oneOf('template'),
    template: object(
      { name: templateName, language: object({ code: language }, { policy: oneOf('deterministic') }) },
      { components: listOf(component, { min: 1 }) },
    ),
  },
  common.optional,
)

/** `POST /{phone_number_id}/messages`, the two kinds of message that are played. */
export const sendRequest: JsonSchema = variants('type', [textMessage, templateMessage])

/** The answer to an accepted send. The state comes with templates only. */
export const sendAnswer = object({
  messaging_product: oneOf('whatsapp'),
  contacts: listOf(object({ input: text }, { wa_id: waId, user_id: userId }), { min: 1, max: 1 }),
  messages: listOf(
    object({ id: messageId }, { message_status: oneOf('accepted', 'held_for_quality_assessment', 'paused') }),
    { min: 1, max: 1 },
  ),
})

/** A schema cannot say it plainly: a message is for a number or for a user id. */
export function addressFaults(body: unknown): string[] {
  const { to, recipient: user } = body as { to?: string; recipient?: string }
  return to === undefined && user === undefined ? ['body/to is missing'] : []
}

type Part = { type?: string; sub_type?: string; index?: string; parameters?: { text?: string }[] }

/**
 * What a schema cannot say of a one-time code: an authentication template carries it twice, in its body and in its
 * first button, in at most 15 characters. Takes a body that is well formed otherwise.
 */
export function codeFaults(body: unknown): string[] {
  const { template } = body as { template?: { components?: Part[] } }
  const components = template?.components ?? []
  const inBody = components.filter(({ type }) => type === 'body').flatMap(parametersOf)
  const buttons = components.filter(({ type }) => type === 'button')
  const inButton = buttons.flatMap(parametersOf)
  const isUrl = buttons.every(({ sub_type, index }) => sub_type === 'url' && index === '0')
  const place = 'body/template/components'
  return [
    ...(template === undefined ? ['body/template is missing: a code goes out by template only'] : []),
    ...(components.length > 2 ? [`${place} must be a body and a button, nothing else`] : []),
    ...(inBody.length === 1 ? [] : [`${place} must have a body with one parameter, the code`]),
    ...(inButton.length === 1 && isUrl
      ? []
      : [`${place} must have one url button at index "0" with the code`]),
    ...(inBody[0] === inButton[0] ? [] : [`${place} must carry the same code in body and button`]),
    ...((inBody[0]?.length ?? 0) <= 15 ? [] : [`${place} must carry a code of at most 15 characters`]),
  ]
}

function parametersOf({ parameters = [] }: Part): string[] {
  return parameters.map((parameter) => parameter.text ?? '')
}
