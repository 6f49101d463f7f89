const steps = ['number', 'code', 'end']
const words = {
  INVALID_PHONE_NUMBER: 'This is not a phone number with its country’s code.',
  TOO_MANY_CODES: 'Too many codes for this number.',
  NO_CODE_SENT: 'No code could be sent. Try again in a moment.',
  INVALID_OTP: 'This is not the code.',
  OTP_EXPIRED: 'This code is too old: get another one.',
  OTP_NOT_FOUND: 'This code is not good any more: get another one.',
  TOO_MANY_ATTEMPTS: 'Too many wrong codes: get another one.',
}
const part = (id) => document.querySelector(`#${id}`)
let phoneNumber = ''

/** Asks Better Auth; the answer, or nothing and a complaint on the page. */
async function ask(path, body) {
  part('complaint').textContent = ''
  try {
    const response = await fetch(`/api/auth/${path}`, {
      ...(body && {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
      signal: AbortSignal.timeout(20_000),
    })
    const answer = await response.json()
    if (response.ok) return answer ?? {}
    part('complaint').textContent = complaintOf(response, answer)
  } catch {
    part('complaint').textContent = 'No answer. Try again in a moment.'
  }
  return undefined
}

function complaintOf({ status, headers }, { code }) {
  const what = words[code] ?? (status === 429 ? 'That was too often.' : 'That did not work.')
  const seconds = headers.get('retry-after') ?? headers.get('x-retry-after')
  return status === 429 && seconds ? `${what} Try again in ${seconds} s.` : what
}

function show(step) {
  for (const name of steps) part(`${name}-step`).hidden = name !== step
  for (const element of document.querySelectorAll('.whose')) element.textContent = phoneNumber
  document.querySelector(`#${step}-step :is(input, button)`).focus()
}

async function sendCode() {
  phoneNumber = part('number').value.replaceAll(/[\s().-]/g, '')
  if (await ask('phone-number/send-otp', { phoneNumber })) show('code')
}

async function logIn() {
  const isRight = await ask('phone-number/verify', { phoneNumber, code: part('code').value })
  part('code').value = ''
  if (isRight) show('end')
  else part('code').focus()
}

async function logOut() {
  if (await ask('sign-out', {})) show('number')
}

for (const [step, submit] of Object.entries({ number: sendCode, code: logIn })) {
  part(`${step}-step`).addEventListener('submit', (event) => {
    event.preventDefault()
    void submit()
  })
}
part('log-out').addEventListener('click', () => void logOut())
part('again').addEventListener('click', () => {
  part('complaint').textContent = ''
  show('number')
})

const session = await ask('get-session')
phoneNumber = session?.user?.phoneNumber ?? ''
show(phoneNumber ? 'end' : 'number')
