import type { FastifyReply, FastifyRequest } from 'fastify'
import { ERRORS } from '@trestle/contract'
import { ZodError } from 'zod'
import { toAppError } from '../../../platform/http/index.ts'

/** Feast's exceptions by our codes; clients import and raise the class. Everything else is its base class. */
const CLASSES: Readonly<Record<string, { name: string; status: number }>> = {
  'features.view_not_found': { name: 'FeatureViewNotFoundException', status: 404 },
  'features.service_not_found': { name: 'FeatureServiceNotFoundException', status: 404 },
  'features.push_source_not_found': { name: 'PushSourceNotFoundException', status: 422 },
  name_collision: { name: 'FeatureNameCollisionError', status: 400 },
}

/**
 * Errors as Feast's clients read them: a JSON string that holds JSON. Feast itself answers 500 for most faults of the caller, which its own SDK then
 * retries three times; here they are 4xx, which raises the same exception at once.
 */
export async function answerFeastError(
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<FastifyReply> {
  if (thrown instanceof ZodError)
    return reply
      .status(422)
      .send({ detail: thrown.issues.map((issue) => detailOf(issue, request.body)) })
  const error = toAppError(thrown)
  const reason = error.details['reason']
  const known = CLASSES[typeof reason === 'string' ? reason : ''] ?? CLASSES[error.code]
  const status = known?.status ?? ERRORS[error.code].status
  if (status >= 500)
    request.log.error({ err: thrown, requestId: request.id, code: error.code }, 'request failed')
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="trestle"')
  const body = {
    module: 'feast.errors',
    class: known?.name ?? 'FeastError',
    message: error.message,
  }
  return reply
    .status(status)
    .type('application/json')
    .send(JSON.stringify(JSON.stringify(body)))
}

function detailOf(issue: ZodError['issues'][number], input: unknown) {
  const isMissing = issue.code === 'invalid_type' && issue.message.includes('undefined')
  return {
    type: isMissing ? 'missing' : 'value_error',
    loc: ['body', ...issue.path],
    msg: isMissing ? 'Field required' : issue.message,
    input,
  }
}
