import { ERRORS } from '@trestle/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { toAppError } from '../../../../platform/http/index.ts'

/** A failure in the protocol's form: `{"error": "<message>"}`. */
export async function sendOipError(thrown: unknown, request: FastifyRequest, reply: FastifyReply) {
  const error = toAppError(thrown)
  const { status } = ERRORS[error.code]
  if (status >= 500)
    request.log.error({ err: thrown, requestId: request.id, code: error.code }, 'request failed')
  if (status === 503 || status === 429) reply.header('retry-after', '1')
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="trestle"')
  // KServe's client shows the message only when the type is this, with no charset behind it.
  reply.status(status).header('content-type', 'application/json')
  return reply.serializer(String).send(JSON.stringify({ error: error.message }))
}
