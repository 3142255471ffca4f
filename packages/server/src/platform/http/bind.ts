import type { RouteDef, RouteGroup, RouteParsed, RouteReply } from '@trestle/contract'
import type { FastifyInstance, FastifyRequest } from 'fastify'

import type { Principal } from '../auth/index.ts'
import { fail } from '../errors.ts'
import type { Logger } from '../telemetry/logger.ts'

/** What a handler knows of its request besides the input. `signal` aborts when the caller goes away. */
export type RequestContext = Readonly<{
  principal: Principal
  project: string
  requestId: string
  signal: AbortSignal
  log: Logger
}>

export type Handlers<G extends RouteGroup> = {
  [K in keyof G]: (input: RouteParsed<G[K]>, context: RequestContext) => Promise<RouteReply<G[K]>>
}

/**
 * Binds every route of a contract group to its handler. Input is parsed by the contract's schemas and refused with all its faults at once.
 * A mutation is audited under `<group>.<route>`, unless it is data traffic.
 */
export function bindRoutes<G extends RouteGroup>(
  app: FastifyInstance,
  group: { name: string; routes: G },
  handlers: Handlers<G>
): void {
  for (const [key, definition] of Object.entries(group.routes)) {
    const handler = handlers[key] as (input: unknown, context: RequestContext) => Promise<unknown> // same key of the same group
    const isAudited =
      definition.method !== 'GET' &&
      definition.role !== 'viewer' &&
      definition.isDataTraffic !== true
    app.route({
      method: definition.method,
      url: definition.path,
      config: { role: definition.role, audit: isAudited ? `${group.name}.${key}` : false },
      handler: async (request, reply) => {
        const result = await handler(parseInput(definition, request), contextOf(request))
        return reply.status(definition.status ?? 200).send(result)
      },
    })
  }
}

/** The context of a request, for routes that are bound by hand. */
export function contextOf(request: FastifyRequest): RequestContext {
  const left = new AbortController()
  const { answer } = request
  answer.once('close', () => {
    if (!answer.writableFinished) left.abort()
  })
  return {
    principal: request.principal,
    project: request.project,
    requestId: request.id,
    signal: left.signal,
    log: request.log as Logger,
  }
}

function parseInput(definition: RouteDef, request: FastifyRequest): unknown {
  const issues: { in: string; path: string; message: string }[] = []
  const parts = (['params', 'query', 'body'] as const).map((part): object => {
    const schema = definition[part]
    if (schema === undefined) return {}
    const parsed = schema.safeParse(part === 'body' ? (request.body ?? {}) : request[part])
    if (parsed.success) return parsed.data as object
    for (const issue of parsed.error.issues)
      issues.push({ in: part, path: issue.path.join('.'), message: issue.message })
    return {}
  })
  if (issues.length > 0) {
    const first = issues[0]
    const where = first === undefined || first.path === '' ? '' : `${first.path}: `
    throw fail(
      'request.invalid',
      `${where}${first?.message ?? 'not valid'}${issues.length > 1 ? ` (and ${issues.length - 1} more)` : ''}`,
      { details: { issues } }
    )
  }
  return Object.assign({}, ...parts) as unknown
}
