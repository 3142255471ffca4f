import type { FastifyInstance } from 'fastify'
import fastify, { LogController } from 'fastify'
import { ERRORS } from '@trestle/contract'
import type { Clock } from '../../kernel/clock.ts'
import { sortableId } from '../../kernel/ids.ts'
import { fail } from '../errors.ts'
import type { Logger } from '../telemetry/logger.ts'
import { toAppError, toProblem } from './problem.ts'
import { takeWorkspaceFromPath } from './workspace.ts'

export type HttpLimits = Readonly<{ maxBodyBytes: number; requestTimeoutMs: number }>

const REQUEST_ID = /^[\w.:-]{1,128}$/

/** The HTTP edge: request ids, problem+json errors, limits. Routes are added by the modules. */
export function createHttp(deps: {
  log: Logger
  clock: Clock
  limits: HttpLimits
}): FastifyInstance {
  const app = fastify({
    loggerInstance: deps.log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: deps.limits.maxBodyBytes,
    requestTimeout: deps.limits.requestTimeoutMs,
    forceCloseConnections: 'idle',
    // A HEAD route beside every GET would double the time that registering takes at start; where clients ask for HEAD, the route says so.
    exposeHeadRoutes: false,
    rewriteUrl: takeWorkspaceFromPath,
    routerOptions: { maxParamLength: 2_000, ignoreDuplicateSlashes: false },
    genReqId: (request) => {
      const given = request.headers['x-request-id']
      return typeof given === 'string' && REQUEST_ID.test(given)
        ? given
        : sortableId('req', deps.clock.now())
    },
  }) as unknown as FastifyInstance

  app.decorateRequest('answer')
  // Hooks that every request passes call back: a promise for each costs more than what they do.
  app.addHook('onRequest', (request, reply, done) => {
    request.answer = reply.raw
    reply.header('x-request-id', request.id)
    reply.header('x-content-type-options', 'nosniff')
    done()
  })
  app.setErrorHandler(async (thrown, request, reply) => {
    const error = toAppError(thrown)
    const { status, retryable } = ERRORS[error.code]
    if (status >= 500)
      request.log.error({ err: thrown, requestId: request.id, code: error.code }, 'request failed')
    if (status === 503 || status === 429) reply.header('retry-after', '1')
    if (status === 401)
      reply.header('www-authenticate', 'Bearer realm="trestle", Basic realm="trestle"')
    reply.header('x-should-retry', String(retryable))
    return reply.status(status).type('application/problem+json').send(toProblem(error, request.id))
  })
  app.setNotFoundHandler(async (request) => {
    throw fail('request.not_found', `No route ${request.method} ${request.url.split('?')[0] ?? ''}`)
  })
  return app
}
