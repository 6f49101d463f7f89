import { textOf } from './call.ts'
import type { Checked, Refusal } from './reply.ts'
import { isObject, unknownKey } from './send-body.ts'
import { badComponents, firstOf } from './template-faults.ts'
import { codeTemplateComponents, otpTypes, type OtpType } from '../world/code-template.ts'
import type { TemplateComponent } from '../world/template-shape.ts'

type Json = Readonly<Record<string, unknown>>

const BUTTON_TEXT_LENGTH = 25
const PACKAGE_LENGTH = 224
const LONGEST_EXPIRY_MINUTES = 90
const MOST_APPS = 5
const buttonKeys = ['type', 'otp_type', 'text', 'autofill_text', 'supported_apps', 'zero_tap_terms_accepted']
const legacyAppKeys = ['package_name', 'signature_hash']

/** Reads the components of an authentication template as they are created; answers them as they are stored. */
export function readCodeComponents(
  components: readonly Json[],
  language: string,
): Checked<readonly TemplateComponent[]> {
  const find = (type: string) => components.find((component) => component['type'] === type)
  const [body, footer, buttons] = [find('BODY'), find('FOOTER'), find('BUTTONS')]
  const list = buttons?.['buttons']
  const button: unknown = Array.isArray(list) ? list[0] : undefined
  if (body === undefined) return { refusal: badComponents('component of type BODY is missing') }
  if (!Array.isArray(list) || list.length !== 1 || !isObject(button) || button['type'] !== 'OTP')
    return { refusal: badComponents('an authentication template has exactly one button, of type OTP') }
  const refusal = firstOf(
    () => checkParts(components),
    () => checkBody(body),
    () => checkFooter(footer),
    () => checkButton(button),
  )
  return refusal === undefined ? { value: stored(body, footer, button, language) } : { refusal }
}

function checkParts(components: readonly Json[]): Refusal | undefined {
  const stranger = components.find(({ type }) => !['BODY', 'FOOTER', 'BUTTONS'].includes(textOf(type) ?? ''))
  if (stranger !== undefined)
    return badComponents(`an authentication template has no component of type ${textOf(stranger['type'])}`)
  return components.length > 3 ? badComponents('each component may be given once') : undefined
}

/** Its words are Meta's. */
function checkBody(body: Json): Refusal | undefined {
  const stranger = unknownKey(body, ['type', 'add_security_recommendation'])
  if (stranger !== undefined) return badComponents(`BODY of an authentication template has no ${stranger}`)
  const advice = body['add_security_recommendation']
  return advice === undefined || typeof advice === 'boolean'
    ? undefined
    : badComponents('add_security_recommendation must be a boolean')
}

function checkFooter(footer: Json | undefined): Refusal | undefined {
  if (footer === undefined) return undefined
  const stranger = unknownKey(footer, ['type', 'code_expiration_minutes'])
  if (stranger !== undefined) return badComponents(`FOOTER of an authentication template has no ${stranger}`)
  const minutes = footer['code_expiration_minutes']
  const isGood =
    minutes === undefined ||
    (Number.isInteger(minutes) && Number(minutes) >= 1 && Number(minutes) <= LONGEST_EXPIRY_MINUTES)
  return isGood ? undefined : badComponents('code_expiration_minutes must be 1 to 90')
}

function checkButton(button: Json): Refusal | undefined {
  const stranger = unknownKey(button, [...buttonKeys, ...legacyAppKeys])
  if (stranger !== undefined) return badComponents(`an OTP button has no ${stranger}`)
  if (!isOtpType(button['otp_type'])) return badComponents(`otp_type must be one of ${otpTypes.join(', ')}`)
  for (const key of ['text', 'autofill_text']) {
    const text = button[key]
    const isGood =
      text === undefined || (typeof text === 'string' && text !== '' && text.length <= BUTTON_TEXT_LENGTH)
    if (!isGood) return badComponents(`${key} of a button has 1 to ${BUTTON_TEXT_LENGTH} characters`)
  }
  if (button['otp_type'] === 'ZERO_TAP' && button['zero_tap_terms_accepted'] !== true)
    return badComponents('zero_tap_terms_accepted must be true')
  return button['otp_type'] === 'COPY_CODE' ? undefined : checkApps(appsOf(button))
}

function checkApps(apps: readonly unknown[]): Refusal | undefined {
  if (apps.length < 1 || apps.length > MOST_APPS)
    return badComponents(`supported_apps must hold 1 to ${MOST_APPS} apps`)
  for (const app of apps) {
    const { package_name: name, signature_hash: hash } = isObject(app) ? app : {}
    if (typeof name !== 'string' || name.length > PACKAGE_LENGTH || !/^[a-z]\w*(\.[a-z]\w*)+$/i.test(name))
      return badComponents('package_name must be the name of an Android package')
    if (typeof hash !== 'string' || !/^[\w+/=]{11}$/.test(hash))
      return badComponents('signature_hash must have exactly 11 characters')
  }
  return undefined
}

/** One app may also stand in the button itself, as before `supported_apps`. */
function appsOf(button: Json): readonly unknown[] {
  const apps = button['supported_apps']
  if (Array.isArray(apps)) return apps
  return button['package_name'] === undefined ? [] : [button]
}

function stored(body: Json, footer: Json | undefined, button: Json, language: string): TemplateComponent[] {
  const minutes = footer?.['code_expiration_minutes']
  const [app] = appsOf(button)
  return codeTemplateComponents({
    language,
    hasSecurityAdvice: body['add_security_recommendation'] === true,
    codeExpirationMinutes: typeof minutes === 'number' ? minutes : undefined,
    otpType: isOtpType(button['otp_type']) ? button['otp_type'] : 'COPY_CODE',
    copyLabel: textOf(button['text']),
    autofillLabel: textOf(button['autofill_text']),
    app: isObject(app)
      ? { packageName: textOf(app['package_name']) ?? '', signatureHash: textOf(app['signature_hash']) ?? '' }
      : undefined,
  })
}

function isOtpType(value: unknown): value is OtpType {
  return otpTypes.some((type) => type === value)
}
