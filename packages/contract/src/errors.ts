/** One entry of the catalogue: the HTTP status, whether trying again can help, and a short title. Codes are never reused. */
export type ErrorEntry = Readonly<{ status: number; retryable: boolean; title: string }>

const entry = (status: number, title: string, retryable = false): ErrorEntry => ({
  status,
  title,
  retryable,
})

/** Every error that Trestle answers on purpose. */
export const ERRORS = {
  'request.malformed': entry(400, 'The request could not be read'),
  'request.invalid': entry(400, 'The request is not valid'),
  'request.too_large': entry(413, 'The body is too large'),
  'request.unsupported_media_type': entry(415, 'This content type is not accepted here'),
  'request.not_found': entry(404, 'No such route'),
  'request.cancelled': entry(499, 'The caller went away'),
  'request.deadline_exceeded': entry(504, 'The deadline passed before the answer was ready', true),
  'resource.not_found': entry(404, 'Not found'),
  'resource.already_exists': entry(409, 'Already exists'),
  'resource.conflict': entry(409, 'The resource is in a state that does not allow this'),
  'auth.unauthenticated': entry(401, 'Log in first'),
  'auth.forbidden': entry(403, 'This key may not do that'),
  'auth.cross_origin': entry(403, 'Requests from other sites are refused'),
  'registry.model_not_found': entry(404, 'No such registered model'),
  'registry.version_not_found': entry(404, 'No such model version'),
  'registry.protected': entry(403, 'This alias or stage needs an approval'),
  'registry.approval_not_found': entry(404, 'No such request for approval'),
  'registry.version_not_ready': entry(409, 'The model version is not ready'),
  'features.view_not_found': entry(404, 'No such feature view'),
  'features.feature_not_found': entry(404, 'No such feature'),
  'features.service_not_found': entry(404, 'No such feature service'),
  'features.entity_not_found': entry(404, 'No such entity'),
  'features.push_source_not_found': entry(404, 'No such push source'),
  'features.source_failed': entry(422, 'The data source could not be read'),
  'features.online_store_unavailable': entry(503, 'The online store did not answer', true),
  'serving.endpoint_not_found': entry(404, 'No such endpoint'),
  'serving.variant_not_found': entry(404, 'No such variant'),
  'serving.model_load_failed': entry(422, 'The model could not be loaded'),
  'serving.model_failed': entry(500, 'The model failed on this input'),
  'serving.not_ready': entry(503, 'Not ready yet', true),
  'serving.overloaded': entry(503, 'The queue is full', true),
  'serving.upstream_failed': entry(502, 'The backend failed', true),
  'serving.upstream_timeout': entry(504, 'The backend did not answer in time', true),
  'serving.throttled': entry(429, 'The backend takes no more calls now', true),
  'serving.rate_limited': entry(429, 'Too many calls', true),
  'serving.guardrail_refused': entry(400, 'A guardrail refused it'),
  'monitoring.monitor_not_found': entry(404, 'No such monitor'),
  'costs.budget_exceeded': entry(429, 'The budget is spent'),
  'rollouts.rollout_not_found': entry(404, 'No such rollout'),
  'rollouts.in_progress': entry(409, 'Another rollout of this endpoint is in progress'),
  'rollouts.policy_not_found': entry(404, 'No such rollout policy'),
  'rollouts.freeze_not_found': entry(404, 'No such freeze window'),
  'internal.unexpected': entry(500, 'Something went wrong on our side'),
  'internal.unavailable': entry(503, 'Shutting down or not ready', true),
} as const satisfies Record<string, ErrorEntry>

export type ErrorCode = keyof typeof ERRORS
