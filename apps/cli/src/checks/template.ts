/** Is the template of the codes there, approved, in the right language, and does it let codes die in time? */
import { describeFault, type GraphFault, type MessageTemplate, type MessageTemplates } from '@relais/core'
import { fail, ok, skipped, warn, type Check } from './check.ts'

/** An authentication template's default (Meta, "Configure message time-to-live"). */
const DEFAULT_TTL_SECONDS = 600
const THIRTY_DAYS = -1

/** @param wanted.otpTtlSeconds how long a code lives unless its request says otherwise */
export function judgeTemplate(
  found: MessageTemplates | GraphFault,
  wanted: { name: string; language: string; otpTtlSeconds: number | undefined },
): Check[] {
  const name = 'template'
  if (found.kind === 'unreachable') return [skipped(name, `Meta did not answer: ${found.detail}`)]
  if (found.kind === 'refused') {
    return [
      fail(
        name,
        `The templates cannot be read: ${describeFault(found).error}`,
        'Is WHATSAPP_BUSINESS_ID the id of the WhatsApp Business Account? Has the token whatsapp_business_management?',
      ),
    ]
  }
  const same = found.templates.filter((each) => each.name === wanted.name)
  const template = same.find(({ language }) => language === wanted.language)
  if (!template) return [missing(wanted, same)]
  return [judgeApproval(template), judgeCategory(template), judgeTtl(template, wanted.otpTtlSeconds)]
}

function missing({ name, language }: { name: string; language: string }, same: MessageTemplate[]): Check {
  if (same.length === 0) {
    return fail(
      'template',
      `There is no template "${name}" in this WhatsApp account: every code would be refused (132001).`,
      'Create it in WhatsApp Manager as an authentication template, or set WHATSAPP_OTP_TEMPLATE to one that is there.',
    )
  }
  const others = same.map((each) => each.language).join(', ')
  return fail(
    'template',
    `"${name}" is not there in "${language}", only in ${others}: every code would be refused (132001).`,
    `Set WHATSAPP_TEMPLATE_LANGUAGE to ${others}, or add "${language}" to the template (en and en_US differ).`,
  )
}

function judgeApproval({ name, language, status }: MessageTemplate): Check {
  if (status === 'APPROVED') return ok('template', `"${name}" in "${language}" is APPROVED`)
  return fail(
    'template',
    `"${name}" in "${language}" is ${status || 'in a state Meta does not say'}: it cannot be sent.`,
    'Wait for the approval, or mend what WhatsApp Manager says of it. A paused template comes back by itself.',
  )
}

function judgeCategory({ category }: MessageTemplate): Check {
  const name = 'template category'
  if (category === 'AUTHENTICATION') return ok(name, category)
  return fail(
    name,
    `It is ${category || 'of a category Meta does not say'}: codes may be sent with AUTHENTICATION templates only.`,
    'Create an authentication template, and set WHATSAPP_OTP_TEMPLATE to it.',
  )
}

function judgeTtl({ ttlSeconds }: MessageTemplate, otpTtlSeconds: number | undefined): Check {
  const name = 'template time to live'
  if (ttlSeconds === undefined || otpTtlSeconds === undefined) return skipped(name, 'it is not told')
  const nextStep = `Set message_send_ttl_seconds of the template to ${otpTtlSeconds} or less (30 is the least).`
  if (ttlSeconds === THIRTY_DAYS)
    return warn(name, `It is 30 days: a code may arrive long after its ${otpTtlSeconds} s.`, nextStep)
  const seconds = ttlSeconds ?? DEFAULT_TTL_SECONDS
  const shown =
    ttlSeconds === null
      ? `not set, which means ${seconds} s (30 days if made before 2024-10-23)`
      : `${seconds} s`
  if (seconds <= otpTtlSeconds) return ok(name, `${shown}; a code lives ${otpTtlSeconds} s`)
  return warn(
    name,
    `It is ${shown}; a code lives ${otpTtlSeconds} s (OTP_TTL_SECONDS): dead codes may be delivered.`,
    nextStep,
  )
}
