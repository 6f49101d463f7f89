const TIMEOUT_MS = 5000

/** Does something to a phone. Answers nothing when it is done, a sentence when it could not be. */
export async function act(path, body) {
  try {
    const response = await fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    if (response.ok) return undefined
    const { error } = await response.json()
    return `Not done: ${error}`
  } catch {
    return 'Not done: the simulator did not answer'
  }
}

/** The clipboard API exists on secure origins only; loopback is one, a container's address is not. */
export async function copy(text) {
  try {
    if (navigator.clipboard === undefined) return copyBySelection(text)
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return copyBySelection(text)
  }
}

function copyBySelection(text) {
  const focused = document.activeElement
  const field = document.createElement('textarea')
  field.className = 'unseen'
  field.value = text
  document.body.append(field)
  field.select()
  const isCopied = document.execCommand('copy')
  field.remove()
  focused?.focus()
  return isCopied
}
