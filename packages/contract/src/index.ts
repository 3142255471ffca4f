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
  WireExperiment,
  WireFileInfo,
  WireMetric,
  WireRun,
  WireRunInfo,
} from './tracking-wire.ts'
export type { NewRollout } from './rollouts.ts'
export type {
  GateVerdict,
  HoldCause,
  Rollout,
  RolloutPhase,
  RolloutStage,
  RolloutTransition,
} from './rollouts-record.ts'
export type { Gate, GateInput, GateMetric, RolloutStrategy } from './rollouts-strategy.ts'
