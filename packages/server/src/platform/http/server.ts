import type { FastifyInstance } from 'fastify'
import fastify, { LogController } from 'fastify'
import type { Clock } from '../../kernel/clock.ts'
import { fail } from '../errors.ts'
import type { Logger } from '../telemetry/logger.ts'
import { answerDirectly } from './direct/connections.ts'
import { sendRefusal } from './direct/fastify-route.ts'
import { refuseWithProblem } from './problem.ts'
import { requestIdOf } from './request-id.ts'
import { takeWorkspaceFromPath } from './workspace.ts'

export type HttpLimits = Readonly<{ maxBodyBytes: number; requestTimeoutMs: number }>

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
    genReqId: (request) => requestIdOf(request.headers, deps.clock),
  }) as unknown as FastifyInstance

  const direct = { routes: [], letIn: null }
  app.decorate('direct', direct)
  const connections = answerDirectly(app.server, {
    direct,
    log: deps.log,
    clock: deps.clock,
    maxBodyBytes: deps.limits.maxBodyBytes,
  })
  app.addHook('preClose', (done) => {
    connections.close()
    done()
  })
  app.decorateRequest('answer')
  // Hooks that every request passes call back: a promise for each costs more than what they do.
  app.addHook('onRequest', (request, reply, done) => {
    request.answer = reply.raw
    reply.header('x-request-id', request.id)
    reply.header('x-content-type-options', 'nosniff')
    done()
  })
  app.setErrorHandler(sendRefusal(refuseWithProblem))
  app.setNotFoundHandler(async (request) => {
    throw fail('request.not_found', `No route ${request.method} ${request.url.split('?')[0] ?? ''}`)
  })
  return app
}
