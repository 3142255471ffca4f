import { ERRORS, type ErrorCode, type Problem } from '@trestle/contract'
import { AppError } from '../../kernel/errors.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { DirectAnswer, Refusal } from './direct/direct-route.ts'

/** Any thrown thing as a catalogued failure: what the HTTP layer itself refuses gets its own code, the unforeseen becomes `internal.unexpected`. */
export function toAppError(error: unknown): AppError & { readonly code: ErrorCode } {
  if (isCatalogued(error)) return error
  const status = statusOf(error)
  const message = error instanceof Error ? error.message : String(error)
  if (status === 413)
    return known('request.too_large', 'The body is larger than this route accepts', error)
  if (status === 415)
    return known('request.unsupported_media_type', 'Send the body as application/json', error)
  if (status !== null && status >= 400 && status < 500)
    return known('request.malformed', message, error)
  return known(
    'internal.unexpected',
    'Something went wrong on our side; the log has the reason under this request id',
    error
  )
}

/** The answer to a request that failed, in the form that its protocol gives it. What is our own fault is logged. */
export function refuse(
  thrown: unknown,
  request: { id: string; log: Pick<Logger, 'error'> },
  shape: Refusal
): DirectAnswer {
  const error = toAppError(thrown)
  if (ERRORS[error.code].status >= 500)
    request.log.error({ err: thrown, requestId: request.id, code: error.code }, 'request failed')
  return shape(error, request)
}

/** Problem+json. */
export const refuseWithProblem: Refusal = (error, { id }) => {
  const { status, retryable } = ERRORS[error.code]
  return {
    status,
    headers: {
      ...(status === 503 || status === 429 ? { 'retry-after': '1' } : {}),
      ...(status === 401
        ? { 'www-authenticate': 'Bearer realm="trestle", Basic realm="trestle"' }
        : {}),
      'x-should-retry': String(retryable),
      'content-type': 'application/problem+json; charset=utf-8',
    },
    body: JSON.stringify(toProblem(error, id)),
  }
}

/** The wire form of a failure. */
export function toProblem(
  error: AppError & { readonly code: ErrorCode },
  requestId: string
): Problem {
  const { status, title } = ERRORS[error.code]
  const problem: Problem = {
    type: `https://trestle.dev/errors/${error.code}`,
    title,
    status,
    detail: error.message,
    code: error.code,
    requestId,
  }
  return Object.keys(error.details).length === 0
    ? problem
    : { ...problem, details: { ...error.details } }
}

const known = (code: ErrorCode, message: string, cause: unknown) =>
  new AppError(code, message, { cause }) as AppError & { readonly code: ErrorCode }

function isCatalogued(error: unknown): error is AppError & { readonly code: ErrorCode } {
  return error instanceof AppError && error.code in ERRORS
}

function statusOf(error: unknown): number | null {
  if (!(error instanceof Error) || !('statusCode' in error)) return null
  return typeof error.statusCode === 'number' ? error.statusCode : null
}
