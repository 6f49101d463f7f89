/** An error that Fastify answers with this status and message. */
export function problem(statusCode: number, message: string): Error {
  return Object.assign(new Error(message), { statusCode })
}
