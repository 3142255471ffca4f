import type { FastifyReply, FastifyRequest } from 'fastify'
import { ERRORS } from '@trestle/contract'
import { ZodError } from 'zod'
import { sendRefusal, type DirectAnswer, type Refusal } from '../../../platform/http/index.ts'

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
export const refuseAsFeast: Refusal = (error) => {
  const reason = error.details['reason']
  const known = CLASSES[typeof reason === 'string' ? reason : ''] ?? CLASSES[error.code]
  const status = known?.status ?? ERRORS[error.code].status
  const body = {
    module: 'feast.errors',
    class: known?.name ?? 'FeastError',
    message: error.message,
  }
  return {
    status,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      ...(status === 401 ? { 'www-authenticate': 'Bearer realm="trestle"' } : {}),
    },
    body: JSON.stringify(JSON.stringify(body)),
  }
}

/** A body that is not of the form that its route takes. */
export const refuseBody = (error: ZodError, body: unknown): DirectAnswer => ({
  status: 422,
  headers: { 'content-type': 'application/json; charset=utf-8' },
  body: JSON.stringify({ detail: error.issues.map((issue) => detailOf(issue, body)) }),
})

/** The error handler of the routes that go through Fastify. */
export async function answerFeastError(
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply
): Promise<FastifyReply> {
  if (!(thrown instanceof ZodError)) return sendRefusal(refuseAsFeast)(thrown, request, reply)
  const { status, headers, body } = refuseBody(thrown, request.body)
  return reply.status(status).headers(headers).send(body)
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
