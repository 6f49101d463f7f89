import { expect, it } from 'vitest'
import { createSay, languageOf } from '../src/texts.ts'
import { en } from '../src/texts/en.ts'
import { fr } from '../src/texts/fr.ts'

const placeholders = (text: string) => (text.match(/\{\w+\}/g) ?? []).toSorted()

it('every text is there in both languages, with the same places to fill in', () => {
  expect(Object.keys(fr)).toEqual(Object.keys(en))
  for (const [key, text] of Object.entries(en)) {
    expect(placeholders(fr[key as keyof typeof fr]), key).toEqual(placeholders(text))
    expect(fr[key as keyof typeof fr].trim(), key).not.toBe('')
  }
})

it('the locale of the terminal decides the language, and English is for all others', () => {
  expect(languageOf({ LANG: 'fr_SN.UTF-8' })).toBe('fr')
  expect(languageOf({ LC_ALL: 'en_GB.UTF-8', LANG: 'fr_SN.UTF-8' })).toBe('en')
  expect(languageOf({})).toBe('en')
})

it('a value is filled in as it is, whatever signs it has', () => {
  expect(createSay('en')('written', { file: 'a$&b' })).toContain('a$&b')
})
