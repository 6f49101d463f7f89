import { unknownObject, type CallerCheck } from './caller-check.ts'
import type { GraphCall } from './call.ts'
import { refuse, type GraphReply } from './reply.ts'
import type { Usage } from './usage.ts'

/**
 * Lets through who may read or change something of the business: a live token, an app and a business with calls left,
 * an object that is there, and `whatsapp_business_management`.
 */
export function createManagement(deps: { businessId: string; caller: CallerCheck; usage: Usage }) {
  /** `find` answers nothing when there is no such object; `use` is called with what it found. */
  function guard<T, R extends GraphReply | Promise<GraphReply>>(
    call: GraphCall,
    verb: 'get' | 'post' | 'delete',
    find: (id: string) => T | undefined,
    use: (found: T) => R,
  ): R | GraphReply {
    const caller = deps.caller.check(call)
    if (caller.refusal !== undefined) return refuse(caller.refusal)
    const limited = deps.usage.takeAppCall()
    if (limited !== undefined) return refuse(limited)
    const found = find(call.node)
    if (found === undefined) return refuse(unknownObject(verb, call.node))
    const exhausted = deps.usage.takeManagementCall()
    if (exhausted !== undefined) return refuse(exhausted)
    if (caller.value.scopes.includes('whatsapp_business_management')) return use(found)
    return refuse({ graphCode: verb === 'get' ? 10 : 200 })
  }

  return {
    guard,
    /** The same for the business itself. */
    ofBusiness: <R extends GraphReply | Promise<GraphReply>>(
      call: GraphCall,
      verb: 'get' | 'post' | 'delete',
      use: () => R,
    ): R | GraphReply => guard(call, verb, (id) => (id === deps.businessId ? true : undefined), use),
  }
}

export type Management = ReturnType<typeof createManagement>
