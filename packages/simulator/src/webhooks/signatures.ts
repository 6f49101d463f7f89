import { createHmac } from 'node:crypto'
import type { AppSecret } from '../world/app-secret.ts'

/** A test switch: the next `times` POSTs are signed with another secret, or not at all. */
export type SignatureFault = { readonly kind: 'wrong' | 'missing'; readonly times: number }

/** Signs bodies with the app secret, unless told to do it badly. */
export function createSignatures(appSecret: Pick<AppSecret, 'current'>) {
  let fault: SignatureFault | undefined
  return {
    /** `sha256=<hex>` over the exact bytes; nothing: the header is to be left out. */
    of(body: string): string | undefined {
      const kind = fault?.kind
      if (fault !== undefined) fault = fault.times > 1 ? { ...fault, times: fault.times - 1 } : undefined
      if (kind === 'missing') return undefined
      const secret = kind === 'wrong' ? `not-${appSecret.current()}` : appSecret.current()
      return `sha256=${createHmac('sha256', secret).update(body, 'utf8').digest('hex')}`
    },
    break: (next: SignatureFault | undefined) => void (fault = next),
  }
}
