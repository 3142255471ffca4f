import type { Scalar } from '../../kernel/scalar.ts'
import type { TraceContext } from '../../platform/telemetry/otlp/index.ts'
import type { LlmUsage } from './llm/llm-call.ts'

/** A named input or output, one value per row. */
export type LoggedColumn = Readonly<{
  name: string
  type: 'float' | 'int' | 'string' | 'bool'
  values: ArrayLike<Scalar | null>
}>

/** Several columns of numbers at once, row after row. `columns` is one object for all requests of one model. */
export type NumberTable = Readonly<{
  columns: readonly Readonly<{ name: string; type: 'float' }>[]
  data: Float32Array | Float64Array
}>

/** One finished prediction request, as everything downstream (log, drift, cost, rollouts) learns of it. */
export type InferenceCompleted = Readonly<{
  /** Of a request with several rows, row i is `${predictionId}.${i}`; of a request with one row, the id itself. */
  predictionId: string
  requestId: string
  project: string
  endpoint: string
  endpointId: string
  variant: string
  model: Readonly<{ name: string; version: number }>
  role: 'live' | 'shadow'
  /** The caller named the variant: the traffic did not deal this request. */
  isForced?: true
  /** The variant had answered the same before: nothing ran. */
  isCached?: true
  /** The endpoint has shadows: copies of this request may come with their own events. */
  isShadowed?: true
  /** Of a shadow: the prediction id of the live answer that it copies. */
  pairedWith: string | null
  /** When the request came, epoch ms. */
  at: number
  latencyMs: number
  stages: Readonly<{ featuresMs: number; queueMs: number; computeMs: number }>
  /** This request's share of the time that the device was busy; batches are split by rows. */
  busyMs: number
  device: 'cpu' | 'gpu' | 'remote'
  status: 'ok' | 'error' | 'timeout' | 'rejected'
  errorCode: string | null
  stickyKey: string | null
  apiKeyId: string | null
  entities: Readonly<Record<string, Scalar>>
  rows: number
  inputs: readonly LoggedColumn[]
  /** The same as `inputs`, where they are a table of numbers: for readers of many events, to whom a column of one value is dear. */
  inputTable?: NumberTable | null
  outputs: readonly LoggedColumn[]
  /** Event time of the oldest feature value used, epoch ms; null when no feature was read. */
  oldestFeatureAt: number | null
  /** Its place in a trace; null or absent when nobody traces. */
  trace?: TraceContext | null
  /** What an LLM call used; null or absent for every other prediction. */
  llm?: LlmUsage | null
}>
