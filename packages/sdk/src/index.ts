export { createClient, type ClientOptions, type TrestleClient } from './client.ts'
export { TrestleError } from './errors.ts'
export type { PredictionInput, PredictionResult } from './predict.ts'
export {
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
