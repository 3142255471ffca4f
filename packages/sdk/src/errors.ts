import { ERRORS, type ErrorCode, type Problem } from '@trestle/contract'

/** A refused or failed call. `code` is stable: switch on it. */
export class TrestleError extends Error {
  readonly code: ErrorCode | 'network'
  readonly status: number
  readonly requestId: string | null
  readonly details: Readonly<Record<string, unknown>>
  /** Whether the same call may succeed later. */
  readonly retryable: boolean

  constructor(
    problem: Pick<Problem, 'detail' | 'status'> & {
      code: ErrorCode | 'network'
      requestId?: string
      details?: Record<string, unknown> | undefined
    },
    options?: { cause?: unknown }
  ) {
    super(problem.detail, options)
    this.name = 'TrestleError'
    this.code = problem.code
    this.status = problem.status
    this.requestId = problem.requestId ?? null
    this.details = problem.details ?? {}
    this.retryable = problem.code === 'network' || ERRORS[problem.code].retryable
  }
}

export const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERRORS, code)
