export { createClient, type TrestleClient } from './client.ts'
export { applyDeclarations, type Change } from './declarations/apply.ts'
export { collectDeclarations, type Declarations } from './declarations/collect.ts'
export {
  defineBudget,
  defineEndpoint,
  defineFreezeWindow,
  defineMonitor,
  defineRateCard,
  defineRollout,
  type BudgetSpec,
  type Declared,
  type EndpointSpec,
  type FreezeWindowSpec,
  type MonitorSpec,
  type RateCardSpec,
  type RolloutSpec,
} from './declarations/declare.ts'
export {
  defineModel,
  type ScriptDatatype,
  type ScriptModel,
  type ScriptTensor,
} from './define-model.ts'
export { TrestleError } from './errors.ts'
export { agg, type Window } from './features/aggregate.ts'
export {
  defineAggregateView,
  defineEntity,
  defineFeatureService,
  defineFeatureView,
  defineOnDemandView,
  type Entity,
  type FeatureService,
  type FeatureView,
  type View,
} from './features/declare.ts'
export { f } from './features/field.ts'
export { toManifest, type Declaration } from './features/manifest.ts'
export { readHistorical, readOnline, type FeatureRow } from './features/read.ts'
export { source, type Source } from './features/source.ts'
export type { PredictionInput, PredictionResult, PredictOptions } from './predict.ts'
export type { ClientOptions, Outgoing } from './send.ts'
export { startRun, withRun, type Dataset, type Run, type RunOptions } from './tracking/run.ts'
export type { ModelUpload } from './upload-model.ts'
