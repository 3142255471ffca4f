import type { IncomingHttpHeaders } from 'node:http'
import type { ErrorCode } from '@trestle/contract'
import type { AppError } from '../../../kernel/errors.ts'
import type { Principal } from '../../auth/index.ts'

/** A request that was let in, with its whole body: all that an answer may depend on. */
export type DirectRequest = Readonly<{
  id: string
  principal: Principal
  project: string
  headers: IncomingHttpHeaders
  /** What stood for the `:names` of the route, in their order. */
  params: readonly string[]
  body: Buffer
  /** Whether the caller went away. */
  isGone: () => boolean
}>

export type DirectAnswer = Readonly<{
  status: number
  /** By lower-case name; without lengths, dates and connections. */
  headers: Readonly<Record<string, string>>
  body: string | Buffer
}>

/** A failure that this route answers with, in the words and the form of its protocol. */
export type Refusal = (
  error: AppError & { readonly code: ErrorCode },
  request: { id: string }
) => DirectAnswer

/**
 * A POST route for data traffic that is answered the same by Fastify and by the direct connections in front of it. Open to every role that may read, and
 * in no audit log.
 */
export type DirectRoute = Readonly<{
  url: string
  answer: (request: DirectRequest) => Promise<DirectAnswer>
  refuse: Refusal
}>

/** Every direct route of a server, and who may call them. Filled while routes are added. */
export type DirectRoutes = {
  readonly routes: DirectRoute[]
  /** Throws what refuses the request; null until the guard stands. */
  letIn: ((headers: IncomingHttpHeaders) => { principal: Principal; project: string }) | null
}

declare module 'fastify' {
  interface FastifyInstance {
    direct: DirectRoutes
  }
}
