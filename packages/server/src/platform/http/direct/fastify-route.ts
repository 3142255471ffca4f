import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { refuse } from '../problem.ts'
import { takeRawBodies } from '../raw-bodies.ts'
import type { DirectAnswer, DirectRequest, DirectRoute, Refusal } from './direct-route.ts'

const EMPTY = Buffer.alloc(0)

/** Adds a direct route: to Fastify, for whatever comes to it, and to the connections in front of it. */
export function addDirectRoute(app: FastifyInstance, route: DirectRoute): void {
  app.direct.routes.push(route)
  void app.register(async (scope) => {
    takeRawBodies(scope)
    scope.setErrorHandler(sendRefusal(route.refuse))
    scope.post(route.url, { config: { role: 'viewer', audit: false } }, async (request, reply) =>
      send(reply, await route.answer(toDirect(request)))
    )
  })
}

/** An error handler that answers in a protocol's form. */
export const sendRefusal =
  (shape: Refusal) =>
  async (thrown: unknown, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> =>
    send(reply, refuse(thrown, request, shape))

// As bytes: to a text Fastify would add a charset of its own.
const send = (reply: FastifyReply, { status, headers, body }: DirectAnswer): FastifyReply =>
  reply
    .status(status)
    .headers(headers)
    .send(typeof body === 'string' ? Buffer.from(body) : body)

/** A request of Fastify's as the protocols take it. */
const toDirect = (request: FastifyRequest): DirectRequest => ({
  id: request.id,
  principal: request.principal,
  project: request.project,
  headers: request.headers,
  params: Object.values(request.params as Record<string, string>), // in the order of the route
  body: Buffer.isBuffer(request.body) ? request.body : EMPTY,
  isGone: () => request.raw.socket.destroyed,
})
