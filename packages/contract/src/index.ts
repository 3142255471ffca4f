export { api, type Api } from './api.ts'
export { ERRORS, type ErrorCode, type ErrorEntry } from './errors.ts'
export type { ApiKey, AuditEntry, Project } from './identity.ts'
export { epochMs, name, nothing, page, pageQuery } from './names.ts'
export { problem, type Problem } from './problem.ts'
export {
  route,
  type Role,
  type RouteDef,
  type RouteGroup,
  type RouteInput,
  type RouteParsed,
  type RouteReply,
  type RouteResult,
} from './route.ts'
export type {
  DeclaredEndpoint,
  Endpoint,
  EndpointSchema,
  ServingChange,
  ServingVariant,
  TrafficTable,
  VariantStats,
} from './serving.ts'
