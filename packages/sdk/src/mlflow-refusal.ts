import type { ErrorCode } from '@trestle/contract'

const MLFLOW_CODES: Readonly<Record<string, ErrorCode>> = {
  BAD_REQUEST: 'request.malformed',
  INVALID_PARAMETER_VALUE: 'request.invalid',
  RESOURCE_ALREADY_EXISTS: 'resource.already_exists',
  RESOURCE_DOES_NOT_EXIST: 'resource.not_found',
  RESOURCE_CONFLICT: 'resource.conflict',
  ENDPOINT_NOT_FOUND: 'request.not_found',
  UNAUTHENTICATED: 'auth.unauthenticated',
  PERMISSION_DENIED: 'auth.forbidden',
}

/** What a refusal in MLflow's shape (`{ error_code, message }`, which the tracking routes keep) says in ours; null for any other body. */
export function mlflowRefusal(body: unknown): { code: ErrorCode; detail: string } | null {
  if (typeof body !== 'object' || body === null) return null
  if (!('error_code' in body) || !('message' in body)) return null
  const code = MLFLOW_CODES[String(body.error_code)]
  return code === undefined ? null : { code, detail: String(body.message) }
}
