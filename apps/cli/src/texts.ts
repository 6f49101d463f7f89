/** The words of the guide, in the operator's language. */
import type { Environment } from '@relais/core'
import { en } from './texts/en.ts'
import { fr } from './texts/fr.ts'

export type Language = 'en' | 'fr'

export type TextKey = keyof typeof en

/** A text with its `{names}` filled in. */
export type Say = (key: TextKey, values?: Readonly<Record<string, string>>) => string

const TEXTS: Readonly<Record<Language, Readonly<Record<TextKey, string>>>> = { en, fr }

export function createSay(language: Language): Say {
  return (key, values = {}) =>
    TEXTS[language][key].replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? '')
}

/** As the locale of the terminal has it: French, or English for all others. */
export function languageOf(environment: Environment): Language {
  const locale = [environment['LC_ALL'], environment['LC_MESSAGES'], environment['LANG']].find(Boolean)
  return locale?.toLowerCase().startsWith('fr') ? 'fr' : 'en'
}
