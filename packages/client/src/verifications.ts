/** Relais makes the code, and says whether what was typed is that code. */
import { isObject } from './answer.ts'
import type { Caller } from './call.ts'
import { keyedBy, type SendOptions } from './options.ts'
import type {
  CheckedVerification,
  ResendRequest,
  ResentVerification,
  StartedVerification,
  VerificationRequest,
} from './api-types.ts'

export type Verifications = {
  /** Makes a code and sends it. Keep the id: the code is told to nobody but the recipient. */
  start(request: VerificationRequest, options?: SendOptions): Promise<StartedVerification>

  /**
   * Whether this is the code. A repeat after a lost answer is not counted as another try. Rejects with a `ProblemError` `verification_ended` for
   * a verification that is over: it was right before, there were too many wrong answers, or its time is over.
   */
  check(id: string, code: string, options?: SendOptions): Promise<CheckedVerification>

  /** Sends the same code again, until the same deadline. */
  resend(id: string, how?: ResendRequest, options?: SendOptions): Promise<ResentVerification>
}

export function createVerifications(call: Caller): Verifications {
  const isStarted = (body: unknown) =>
    isObject(body) && typeof body['id'] === 'string' && typeof body['messageId'] === 'string'

  return {
    start: (request, options) =>
      call(
        {
          method: 'POST',
          path: '/api/verifications',
          body: request,
          isExpected: isStarted,
          ...keyedBy(options),
        },
        options,
      ),

    check: (id, code, options) =>
      call(
        {
          method: 'POST',
          path: `/api/verifications/${encodeURIComponent(id)}/check`,
          body: { code },
          isExpected: (body) => isObject(body) && typeof body['valid'] === 'boolean',
          ...keyedBy(options),
        },
        options,
      ),

    resend: (id, how, options) =>
      call(
        {
          method: 'POST',
          path: `/api/verifications/${encodeURIComponent(id)}/resend`,
          body: how ?? {},
          isExpected: isStarted,
          ...keyedBy(options),
        },
        options,
      ),
  }
}
