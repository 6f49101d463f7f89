/** The guide in English. */
export const en = {
  title: 'Relais: getting the tokens of WhatsApp',
  intro:
    'Five values are collected from the console of Meta, each one checked as you paste it. Nothing is written before you say yes at ' +
    'the end. Ctrl-C stops at any moment. Menus at Meta move from time to time: look for the name if a place has changed.',
  target: 'The values go to {file}, readable by its owner only.',
  askedAt: 'Meta is asked at {url}.',
  keepValue: '[Enter keeps {value}]',
  keepSecret: '[Enter keeps the one with fingerprint {fingerprint}]',
  hidden: '(nothing shows while you paste)',
  empty: 'Nothing was given. Paste the value, then press Enter.',
  notAnId: 'This is no id: an id is digits only. Copy it again, with the copy button if there is one.',
  notTheNumber: 'This looks like a telephone number. What is needed is the id beside it, digits only.',
  sameId: 'This is the id you gave a moment ago for something else: the two are different at Meta.',
  notASecret:
    'This cannot be right: it has spaces or signs that Meta does not use, or it is too short. Copy it again.',
  tokenForSecret: 'This looks like an access token. What is needed here is the app secret.',
  secretForToken:
    'This is an app secret or an app token, not an access token. An access token often starts with EAA.',
  metaSilent: 'Meta cannot be asked at the moment: {detail}',
  tryAgain: 'Try again? [Y/n]',
  yes: 'y yes',
  no: 'n no',

  appHeading: '1 of 5  The app',
  appWhere:
    'Open https://developers.facebook.com/apps, log in, choose your app (or create one of type Business and add WhatsApp to it). ' +
    'Then: App settings > Basic. Copy "App ID".',
  appAsk: 'App ID',
  secretHeading: '2 of 5  The app secret',
  secretWhere:
    'On the same page press "Show" beside "App secret", give your Facebook password, copy the secret.',
  secretAsk: 'App secret',
  appConfirmed: 'Meta confirms: app id and secret belong together (fingerprint of the secret {fingerprint}).',
  appRefused: 'Meta does not take this pair: {error}. Give both again.',

  numberHeading: '3 of 5  The phone number',
  numberWhere:
    'In your app choose WhatsApp > API Setup. Under "From" choose the number that sends the codes. Copy "Phone number ID" below it.',
  numberAsk: 'Phone number ID',
  businessHeading: '4 of 5  The WhatsApp Business Account',
  businessWhere: 'On the same page, beside it: copy "WhatsApp Business Account ID".',
  businessAsk: 'WhatsApp Business Account ID',

  tokenHeading: '5 of 5  The access token',
  tokenWhere:
    'Recommended: the token of a system user, with a life of 60 days. Open https://business.facebook.com/settings > Users > System ' +
    'users. Choose the system user (or add one, role Admin), assign it the app and the WhatsApp account with full control, then ' +
    '"Generate token": this app, expiration 60 days, permissions whatsapp_business_messaging and whatsapp_business_management. ' +
    'Copy it at once: Meta shows it only now.',
  tokenAsk: 'Access token',
  tokenDead: 'Meta calls this token invalid: {error}. Give another.',
  tokenForeign: 'This token belongs to the app {other}, not to {app}. Generate one for this app.',
  tokenNoSending:
    'This token lacks whatsapp_business_messaging: it cannot send. Generate one with that permission ticked.',
  tokenNoReading:
    'This token lacks whatsapp_business_management: it may send, but number and templates cannot be checked with it.',
  tokenOfPerson:
    'This is the token of a person, not of a system user: Meta may refuse to send with it (131005), and it ends with that person.',
  useAnyway: 'Use it all the same? [y/N]',
  tokenGood: 'Meta confirms: the token is valid (fingerprint {fingerprint}), {life}.',
  lifeEndless: 'it never expires',
  lifeUnknown: 'the end of its life is not told',
  lifeUntil: 'it ends {end}',
  exchangeOffer: 'It ends soon ({end}). Exchange it for a long-lived one now? [Y/n]',
  exchanged:
    'Exchanged: a new token (fingerprint {fingerprint}), {life}. The old one is not needed any more.',
  exchangeRefused: 'Meta did not exchange it: {error}.',
  keepShort: 'Go on with the one that ends soon? [y/N]',

  numberRead: 'The token can read the number: {number} "{name}", quality {quality}.',
  numberRefused:
    'The token cannot read this number: {error}. Either the id is wrong, or the WhatsApp account is not assigned to the system user ' +
    '(then assign it and generate a new token). Give both again.',
  businessRefused: 'The account cannot be read: {error}. Give its id again.',
  templateGood: 'The template "{template}" is approved in "{language}".',
  templateMissing:
    'There is no template "{template}" in "{language}" yet: codes would be refused. Create it in WhatsApp Manager (authentication), or ' +
    'set WHATSAPP_OTP_TEMPLATE and WHATSAPP_TEMPLATE_LANGUAGE. What is there under this name: {languages}.',
  templateUnfit:
    'The template "{template}" in "{language}" is {status}, category {category}: it must be APPROVED and AUTHENTICATION.',
  nothingThere: 'nothing',

  summaryHeading: 'Summary',
  fingerprintOf: 'fingerprint {fingerprint}',
  writeAsk: 'Write these to {file}? [y/N]',
  written: 'Written to {file}, mode 0600.',
  stillMissing: 'Still to be set there, see .env.example: {names}. (npm start brings its own.)',
  next: 'Next: restart API and workers, then run npx relais doctor. A system that already runs takes the token at once with npx relais tokens update. For receipts see docs/WHATSAPP_SETUP_GUIDE.md, part 5.',
  notWritten: 'Nothing was written.',
  ended: 'The answers ended before the questions did. Nothing was written.',
  'refusal.symlink':
    '{file} is a symbolic link, and secrets are not written through one. Give the file itself with --file.',
  'refusal.not-a-file': '{file} is not a file. Give another with --file.',
  'refusal.odd-form':
    '{file} has values over several lines or another form that cannot be edited safely. Tidy it up, or give another file with --file.',
  'refusal.unwritable': '{file} cannot be read or written: check its folder, its owner and the rights.',
}
