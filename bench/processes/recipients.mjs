/** Each message goes to a number of its own, and its number says which one it is: so the load and Meta can tell the time of the same message. */

const MOST = 10_000_000
const PREFIX = '+22177'

function recipientOf(index) {
  return PREFIX + String(index % MOST).padStart(7, '0')
}

/** The place of a message in what began at `from`, from the bytes of its request to Meta; undefined without a recipient of ours. */
export function placeIn(body, from) {
  const at = body.indexOf(PREFIX)
  if (at < 0) return undefined
  const start = at + PREFIX.length
  return (Number(body.slice(start, start + 7)) - (from % MOST) + MOST) % MOST
}

/** A code to the recipient of this index, as an app sends it. */
export function messageText(index) {
  return `{"to":"${recipientOf(index)}","type":"otp","code":"${100_000 + (index % 900_000)}"}`
}
