/** MLflow's error codes and their HTTP statuses (mlflow/exceptions.py, ERROR_CODE_TO_HTTP_STATUS). */
const STATUS = {
  BAD_REQUEST: 400,
  INVALID_PARAMETER_VALUE: 400,
  RESOURCE_ALREADY_EXISTS: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  RESOURCE_DOES_NOT_EXIST: 404,
  ENDPOINT_NOT_FOUND: 404,
  RESOURCE_CONFLICT: 409,
  REQUEST_LIMIT_EXCEEDED: 429,
  INTERNAL_ERROR: 500,
  TEMPORARILY_UNAVAILABLE: 503,
} as const

export type MlflowCode = keyof typeof STATUS

/**
 * A refusal in MLflow's own words. Never answered with a 5xx for a caller's mistake: MLflow's client repeats those seven times,
 * for minutes.
 */
export class MlflowError extends Error {
  readonly code: MlflowCode
  readonly status: number

  constructor(
    code: MlflowCode,
    message: string,
    options: { cause?: unknown; status?: number } = {}
  ) {
    super(message, { cause: options.cause })
    this.name = 'MlflowError'
    this.code = code
    this.status = options.status ?? STATUS[code]
  }
}

export const invalidParameter = (message: string): MlflowError =>
  new MlflowError('INVALID_PARAMETER_VALUE', message)

export const doesNotExist = (message: string): MlflowError =>
  new MlflowError('RESOURCE_DOES_NOT_EXIST', message)
