import { ERRORS } from '@trestle/contract'
import { toAppError } from '../../../../platform/http/index.ts'
import { writeSseEvent } from '../../llm/sse.ts'

type OpenAiError = Readonly<{
  error: Readonly<{ message: string; type: string; param: string | null; code: string }>
}>

/** What OpenAI's own servers say for a status. */
const TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'invalid_request_error',
  429: 'rate_limit_error',
  499: 'invalid_request_error',
}
/** Codes that OpenAI's clients and their callers look for. */
const CODES: Readonly<Record<string, string>> = {
  'serving.endpoint_not_found': 'model_not_found',
  'auth.unauthenticated': 'invalid_api_key',
  'costs.budget_exceeded': 'insufficient_quota',
  'serving.rate_limited': 'rate_limit_exceeded',
  'serving.throttled': 'rate_limit_exceeded',
  'serving.guardrail_refused': 'content_filter',
}

/** A failure as OpenAI's clients read it. */
export function toOpenAiError(thrown: unknown): {
  status: number
  headers: Record<string, string>
  body: OpenAiError
} {
  const error = toAppError(thrown)
  const { status, retryable } = ERRORS[error.code]
  const { retryAfterMs, param } = error.details
  return {
    status,
    headers: {
      // The clients try a 429 and a 5xx again by themselves, unless told not to: a spent budget does not come back in a second.
      'x-should-retry': String(retryable),
      ...(typeof retryAfterMs === 'number' && Number.isFinite(retryAfterMs)
        ? {
            'retry-after': String(Math.ceil(retryAfterMs / 1_000)),
            'retry-after-ms': String(Math.ceil(retryAfterMs)),
          }
        : {}),
    },
    body: {
      error: {
        message: error.message,
        type:
          error.code === 'costs.budget_exceeded'
            ? 'insufficient_quota'
            : (TYPES[status] ?? 'api_error'),
        param: typeof param === 'string' ? param : null,
        code: CODES[error.code] ?? error.code,
      },
    },
  }
}

/** An error inside of a stream that has begun. */
export const openAiErrorEvent = (message: string): Buffer =>
  writeSseEvent(
    JSON.stringify({
      error: { message, type: 'api_error', param: null, code: 'serving.upstream_failed' },
    })
  )
