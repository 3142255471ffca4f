export { api, type Api } from './api.ts'
export type { DeclaredStream, Stream } from './streams.ts'
export type { BatchJob, BatchState, NewBatchJob } from './batch.ts'
export type {
  Budget,
  CostChange,
  CostGroup,
  CostReport,
  CostAdvice,
  CostRow,
  DeviceUtilisation,
  RateCard,
} from './costs.ts'
export { ERRORS, type ErrorCode, type ErrorEntry } from './errors.ts'
export {
  type Aggregate,
  entityManifest,
  featureManifest,
  onDemandManifest,
  batchName,
  projection,
  serviceManifest,
  sourceName,
  viewManifest,
  type BatchSource,
  type EntityManifest,
  type FeatureField,
  type FeatureManifest,
  type FeatureManifestInput,
  type FeatureType,
  type KeyType,
  type OnDemandManifest,
  type Projection,
  type ServiceManifest,
  type StreamSource,
  type Refresh,
  type ViewFeature,
  type ViewManifest,
} from './features-manifest.ts'
export {
  consistency,
  type Consistency,
  type ConsistencyExample,
  type ConsistencyReport,
  type MismatchCause,
} from './features-consistency.ts'
export type { FeatureReaders, FeatureStatistics } from './features-discovery.ts'
export { trainingSet } from './features.ts'
export type {
  FeatureChange,
  FeatureEntity,
  FeatureService,
  FeatureStatus,
  StreamState,
  RefreshState,
  FeatureView,
  FeatureViewVersion,
  OnDemandView,
  TrainingSet,
  WireScalar,
} from './features.ts'
export type { ApiKey, AuditEntry, Project } from './identity.ts'
export type { LlmPrice } from './llm-prices.ts'
export type { ImportedLoggedModel, ImportedRun, ImportedVersion } from './importing.ts'
export {
  lineageKind,
  type LineageEdge,
  type LineageGraph,
  type LineageKind,
  type LineageNode,
  type ModelLatency,
  type VersionComparison,
} from './lineage.ts'
export {
  llmSpec,
  type LlmBackend,
  type LlmGuardrail,
  type LlmSpec,
  type LlmSpecInput,
} from './llm.ts'
export {
  labelImport,
  type LabelImport,
  labelImportQuery,
  type LabelImportQuery,
} from './monitoring-predictions.ts'
export { receiverInput } from './monitoring-alerts.ts'
export type {
  Alert,
  AlertAction,
  Delivery,
  Receiver,
  ReceiverInput,
  Silence,
} from './monitoring-alerts.ts'
export { comparisonOptions, driftDocument } from './monitoring-drift.ts'
export type {
  ColumnReport,
  ComparedRows,
  ComparisonOptions,
  Density,
  DriftDocument,
} from './monitoring-drift.ts'
export {
  monitorSpec,
  type DriftReport,
  type DriftReportHead,
  type Monitor,
  type MonitorInput,
  type MonitorSpec,
  type MonitorState,
  type QualityEstimate,
  type QualityReport,
} from './monitoring-monitors.ts'
export type { LabelInput, Prediction } from './monitoring-predictions.ts'
export type {
  ArmStatsView,
  InferenceLogSettings,
  LabelRecord,
  MonitoringChange,
  ShadowComparisonView,
} from './monitoring.ts'
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
export type { WireSpan, WireTrace } from './tracking-traces.ts'
export { graphSpec, type GraphSpec, type GraphSpecInput } from './graph.ts'
export { scriptSpec, type ScriptSpec, type ScriptSpecInput } from './script.ts'
export { remoteSpec, type RemoteSpec, type RemoteSpecInput } from './remote.ts'
export { batching, responseCache, type Batching, type ResponseCache } from './variant-options.ts'
export { payloadLogger, type PayloadLogger } from './payload-logger.ts'
export {
  modelVersion,
  uploadQuery,
  type ModelVersionDetail,
  type ModelVersionSummary,
  type RegisteredModel,
} from './registry.ts'
export {
  guardRule,
  type Approval,
  type ApprovalCheck,
  type GuardRule,
} from './registry-governance.ts'
export { GRACE_MS } from './garbage.ts'
export type { BusinessValue, NewRollout } from './rollouts.ts'
export {
  rolloutOptions,
  type DeclaredFreeze,
  type DeclaredPolicy,
  type RolloutOptions,
} from './rollouts-options.ts'
export { gate, gateKey, type Gate, type GateInput, type GateMetric } from './rollouts-gates.ts'
export type {
  GateVerdict,
  HoldCause,
  Rollout,
  RolloutPhase,
  RolloutStage,
  RolloutTransition,
} from './rollouts-record.ts'
export type { RolloutGoal, RolloutStrategy, RolloutStrategyInput } from './rollouts-strategy.ts'

export type {
  DeclaredEndpoint,
  Endpoint,
  EndpointSchema,
  ServingChange,
  ServingVariant,
  TrafficTable,
  VariantStats,
  BackendStats,
} from './serving.ts'
