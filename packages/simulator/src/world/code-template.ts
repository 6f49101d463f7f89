import type { TemplateComponent } from './template-shape.ts'

export const otpTypes = ['COPY_CODE', 'ONE_TAP', 'ZERO_TAP'] as const
export type OtpType = (typeof otpTypes)[number]

/** What a business may choose in a template for one-time codes; the words are Meta's. */
export type CodeTemplateChoices = {
  readonly language: string
  readonly hasSecurityAdvice: boolean
  readonly codeExpirationMinutes?: number | undefined
  readonly otpType: OtpType
  /** Default: Meta's own words in the language. */
  readonly copyLabel?: string | undefined
  readonly autofillLabel?: string | undefined
  /** Package and signature hash of the first Android app; the URL of one-tap and zero-tap names them. */
  readonly app?: { readonly packageName: string; readonly signatureHash: string } | undefined
}

/** The stored components of a template for one-time codes. Its button is created as OTP and stored as URL. */
export function codeTemplateComponents(choices: CodeTemplateChoices): TemplateComponent[] {
  const words = codeWords(choices.language)
  const text = choices.hasSecurityAdvice ? `${words.body} ${words.advice}` : words.body
  const minutes = choices.codeExpirationMinutes
  return [
    { type: 'BODY', text, add_security_recommendation: choices.hasSecurityAdvice },
    ...(minutes === undefined
      ? []
      : [{ type: 'FOOTER', text: words.footer(minutes), code_expiration_minutes: minutes }]),
    { type: 'BUTTONS', buttons: [buttonOf(choices, words)] },
  ]
}

function buttonOf(choices: CodeTemplateChoices, words: CodeWords): object {
  const label = choices.copyLabel ?? words.copyLabel
  const query = new URLSearchParams({ otp_type: choices.otpType })
  if (choices.otpType !== 'COPY_CODE') {
    query.set('cta_display_name', choices.autofillLabel ?? 'Autofill')
    query.set('package_name', choices.app?.packageName ?? '')
    query.set('signature_hash', choices.app?.signatureHash ?? '')
  }
  const url = `https://www.whatsapp.com/otp/code/?${query.toString()}&code=otp{{1}}`
  return { type: 'URL', text: label, url, example: [url.replace('{{1}}', '123456')] }
}

type CodeWords = { body: string; advice: string; copyLabel: string; footer: (minutes: number) => string }

const english: CodeWords = {
  body: '*{{1}}* is your verification code.',
  advice: 'For your security, do not share this code.',
  copyLabel: 'Copy code',
  footer: (minutes) => `This code expires in ${minutes} minutes.`,
}

/** Languages the simulator has words for; the others read English. */
const wordsByLanguage: Readonly<Record<string, CodeWords>> = {
  en: english,
  fr: {
    body: '*{{1}}* est votre code de vérification.',
    advice: 'Pour votre sécurité, ne le partagez pas.',
    copyLabel: 'Copier le code',
    footer: (minutes) => `Ce code expire dans ${minutes} minutes.`,
  },
  es: {
    body: '*{{1}}* es tu código de verificación.',
    advice: 'Por tu seguridad, no lo compartas.',
    copyLabel: 'Copiar código',
    footer: (minutes) => `Este código caduca en ${minutes} minutos.`,
  },
  ar: {
    body: '*{{1}}* هو كود التحقق الخاص بك.',
    advice: 'للحفاظ على أمانك، لا تشارك هذا الكود.',
    copyLabel: 'نسخ الكود',
    footer: (minutes) => `تنتهي صلاحية هذا الكود خلال ${minutes} دقائق.`,
  },
  de: {
    body: '*{{1}}* ist dein Verifizierungscode.',
    advice: 'Teile diesen Code zu deiner Sicherheit nicht mit anderen.',
    copyLabel: 'Code kopieren',
    footer: (minutes) => `Dieser Code läuft in ${minutes} Minuten ab.`,
  },
  pt: {
    body: '*{{1}}* é seu código de verificação.',
    advice: 'Para sua segurança, não o compartilhe.',
    copyLabel: 'Copiar código',
    footer: (minutes) => `Este código expira em ${minutes} minutos.`,
  },
}

function codeWords(language: string): CodeWords {
  return wordsByLanguage[language.split('_')[0] ?? ''] ?? english
}
