import { ERRORS } from '@trestle/contract'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { toAppError } from '../../../platform/http/index.ts'
import { parseFields } from './fields.ts'
import { invalidParameter, MlflowError, type MlflowCode } from './mlflow-error.ts'

/** Who asks, for a handler of an MLflow route. */
export type Caller = Readonly<{ project: string; actor: string }>

/** One MLflow route: its fields come from the path, the query and the body together. */
export type MlflowRoute = Readonly<{
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Below `/api/2.0/mlflow/`. */
  path: string
  isRead: boolean
  status: 200 | 201 | 204
  handle: (fields: unknown, caller: Caller) => Promise<object>
}>

/** A route with its schema. `isRead` makes a POST a read: viewers may call it, and it is not audited. */
export function mlflowRoute<S extends z.ZodType>(definition: {
  method: MlflowRoute['method']
  path: string
  fields: S
  isRead?: boolean
  /** 200 when left out; 204 answers nothing. */
  status?: MlflowRoute['status']
  handle: (fields: z.output<S>, caller: Caller) => Promise<object>
}): MlflowRoute {
  return {
    method: definition.method,
    path: definition.path,
    isRead: definition.isRead ?? definition.method === 'GET',
    status: definition.status ?? 200,
    handle: (fields, caller) => definition.handle(parseFields(definition.fields, fields), caller),
  }
}

const PREFIXES = [
  '/api/2.0/mlflow',
  '/ajax-api/2.0/mlflow',
  '/api/3.0/mlflow',
  '/ajax-api/3.0/mlflow',
]

/** Binds routes under every prefix that MLflow's clients and pages use, with MLflow's error shape and body rules. */
export function bindMlflowRoutes(app: FastifyInstance, routes: readonly MlflowRoute[]): void {
  for (const prefix of PREFIXES) {
    void app.register(async (scope) => {
      speakMlflow(scope)
      readJsonBodies(scope)
      for (const route of routes) {
        scope.route({
          method: route.method,
          url: `${prefix}/${route.path}`,
          // Run data is a record of its own; auditing each metric would write everything twice.
          config: {
            role: route.isRead ? 'viewer' : 'operator',
            audit: route.isRead ? false : auditName(route),
          },
          handler: async (request, reply) => {
            const answer = await route.handle(fieldsOf(request), callerOf(request))
            return reply.status(route.status).send(route.status === 204 ? undefined : answer)
          },
        })
      }
    })
  }
}

const UNAUDITED = /^runs\/|^experiments\/create|^logged-models|^traces/

const auditName = (route: MlflowRoute): string | false =>
  UNAUDITED.test(route.path) && !route.path.endsWith('/delete')
    ? false
    : `mlflow.${route.method} ${route.path}`

export const callerOf = (request: FastifyRequest): Caller => ({
  project: request.project,
  actor: request.principal.actor,
})

/** Answers failures as `{ error_code, message }`. */
export function speakMlflow(scope: FastifyInstance): void {
  scope.setErrorHandler(async (thrown, request, reply) => {
    const error = toMlflowError(thrown)
    if (error.status >= 500)
      request.log.error({ err: thrown, requestId: request.id }, 'request failed')
    if (error.status === 401) reply.header('www-authenticate', 'Basic realm="mlflow"')
    if (error.status === 429 || error.status === 503) reply.header('retry-after', '1')
    return reply
      .status(error.status)
      .type('application/json')
      .send({ error_code: error.code, message: error.message })
  })
}

function toMlflowError(thrown: unknown): MlflowError {
  if (thrown instanceof MlflowError) return thrown
  const error = toAppError(thrown)
  const { status } = ERRORS[error.code]
  if (status === 415)
    return new MlflowError(
      'BAD_REQUEST',
      "Bad Request. Content-Type must be one of ['application/json'].",
      { cause: thrown }
    )
  return new MlflowError(codeOf(status), error.message, { cause: thrown, status })
}

function codeOf(status: number): MlflowCode {
  switch (status) {
    case 400:
      return 'INVALID_PARAMETER_VALUE'
    case 401:
      return 'UNAUTHENTICATED'
    case 403:
      return 'PERMISSION_DENIED'
    case 404:
      return 'RESOURCE_DOES_NOT_EXIST'
    case 409:
      return 'RESOURCE_CONFLICT'
    case 429:
      return 'REQUEST_LIMIT_EXCEEDED'
    case 503:
      return 'TEMPORARILY_UNAVAILABLE'
    default:
      return status < 500 ? 'BAD_REQUEST' : 'INTERNAL_ERROR'
  }
}

/** JSON objects only; an empty body is one without fields. */
function readJsonBodies(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    const text = typeof body === 'string' ? body : body.toString('utf8')
    try {
      done(null, text === '' ? {} : parseObject(text))
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)))
    }
  })
}

/** An escaped NUL, and not an escaped backslash before the text `u0000`. */
const ESCAPED_NUL = /(?<!\\)(?:\\\\)*\\u0000/

function parseObject(text: string): object {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw new MlflowError('BAD_REQUEST', 'The body is not valid JSON', { cause: error })
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new MlflowError('BAD_REQUEST', 'The body must be a JSON object')
  // PostgreSQL holds no NUL in text, and no name or value needs one.
  if (ESCAPED_NUL.test(text)) throw invalidParameter('Values may not hold NUL characters')
  return parsed
}

function fieldsOf(request: FastifyRequest): object {
  // Fastify's parsers give objects of strings and lists of strings.
  const query = request.query as Record<string, unknown>
  const params = request.params as Record<string, unknown>
  for (const value of [...Object.values(query), ...Object.values(params)])
    if (String(value).includes('\0')) throw invalidParameter('Values may not hold NUL characters')
  return { ...query, ...(request.body ?? {}), ...params }
}
