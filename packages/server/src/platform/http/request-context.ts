import type { ServerResponse } from 'node:http'
import type { Role } from '@trestle/contract'
import type { Principal } from '../auth/index.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks. Set before any handler runs; on public routes an unnamed viewer. */
    principal: Principal
    /** The outgoing side of this request: its early close tells that the caller left. */
    answer: ServerResponse
    /** The project that the request speaks of: `X-Trestle-Project`, else the key's, else `default`; in a workspace, `<project>/<workspace>`. */
    project: string
  }
  interface FastifyContextConfig {
    /** Open to everyone, without a key: health, the console's files, the API description. */
    isPublic?: boolean
    /** The least role; by default `viewer` for GET and HEAD, `operator` for the rest. */
    role?: Role
    /** The name of this mutation in the audit log; `false` for traffic that has a record of its own (predictions, metrics). */
    audit?: string | false
  }
}

export const DEFAULT_PROJECT = 'default'
