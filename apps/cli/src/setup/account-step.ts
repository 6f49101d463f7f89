/** Do number, account and template show themselves to the token? */
import { describeFault, type AppCredentials, type GraphClient, type Secret } from '@relais/core'
import { readTemplates } from '../ask-meta.ts'
import type { Conversation } from './conversation.ts'
import { idFormat } from './formats.ts'

type Deps = { talk: Conversation; graph: GraphClient; app: AppCredentials }

/** Reads the number. False: the token cannot see it, and the person was told. */
export async function isNumberReadable(
  { talk, graph, app }: Deps,
  phoneNumberId: string,
  accessToken: Secret,
): Promise<boolean> {
  const bearer = { accessToken, appSecret: app.appSecret }
  const number = await talk.untilAnswered(() => graph.phoneNumber(phoneNumberId, bearer))
  if (number.kind === 'refused') {
    talk.complain('numberRefused', { error: describeFault(number).error })
    return false
  }
  const { displayNumber: shown = '', verifiedName: name = '', qualityRating: quality = '' } = number
  talk.good('numberRead', { number: shown, name, quality })
  return true
}

/** Asks for the account until it can be read, and says what there is to say of its template. Answers the account's id. */
export async function confirmBusiness(
  { talk, graph, app }: Deps,
  given: { businessId: string; phoneNumberId: string; accessToken: Secret },
  template: { name: string; language: string },
): Promise<string> {
  const bearer = { accessToken: given.accessToken, appSecret: app.appSecret }
  let { businessId } = given
  for (;;) {
    const id = businessId
    const found = await talk.untilAnswered(() => readTemplates(graph, id, bearer, template.name))
    if (found.kind === 'templates') {
      tellOfTemplate(talk, found.templates, template)
      return businessId
    }
    talk.complain('businessRefused', { error: describeFault(found).error })
    businessId = await talk.askText('businessAsk', businessId, idFormat(app.appId, given.phoneNumberId))
  }
}

type Templates = { name: string; language: string; status: string; category: string }[]

function tellOfTemplate(
  talk: Conversation,
  templates: Templates,
  { name, language }: { name: string; language: string },
): void {
  const same = templates.filter((each) => each.name === name)
  const found = same.find((each) => each.language === language)
  const names = { template: name, language }
  if (!found) {
    const languages = same.map((each) => each.language).join(', ') || talk.say('nothingThere')
    talk.complain('templateMissing', { ...names, languages })
  } else if (found.status !== 'APPROVED' || found.category !== 'AUTHENTICATION') {
    talk.complain('templateUnfit', { ...names, status: found.status, category: found.category })
  } else talk.good('templateGood', names)
}
