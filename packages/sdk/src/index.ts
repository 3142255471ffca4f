export { createClient, type ClientOptions, type TrestleClient } from './client.ts'
export { TrestleError } from './errors.ts'
export type { PredictionInput, PredictionResult } from './predict.ts'
