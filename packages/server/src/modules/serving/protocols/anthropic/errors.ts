import { ERRORS } from '@trestle/contract'
import { toAppError } from '../../../../platform/http/index.ts'
import { writeSseEvent } from '../../llm/sse.ts'

/** Anthropic's words for a status (their API documentation, "Errors"). */
const TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  504: 'timeout_error',
}

/** A failure as Anthropic's clients read it. */
export function toAnthropicError(
  thrown: unknown,
  requestId: string
): { status: number; headers: Record<string, string>; body: object } {
  const error = toAppError(thrown)
  const { status, retryable } = ERRORS[error.code]
  const { retryAfterMs } = error.details
  return {
    status,
    headers: {
      'request-id': requestId,
      'x-should-retry': String(retryable),
      ...(typeof retryAfterMs === 'number' && Number.isFinite(retryAfterMs)
        ? { 'retry-after': String(Math.ceil(retryAfterMs / 1_000)) }
        : {}),
    },
    body: errorBody(TYPES[status] ?? 'api_error', error.message, requestId),
  }
}

const errorBody = (type: string, message: string, requestId?: string) => ({
  type: 'error',
  error: { type, message },
  ...(requestId === undefined ? {} : { request_id: requestId }),
})

/** An error inside of a stream that has begun. */
export const anthropicErrorEvent = (message: string): Buffer =>
  writeSseEvent(JSON.stringify(errorBody('api_error', message)), 'error')

/** A backend's refusal in another protocol's words, told in Anthropic's. */
export const refusalBody = (status: number, message: string, requestId: string) =>
  errorBody(TYPES[status] ?? 'invalid_request_error', message, requestId)
