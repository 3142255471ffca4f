import type { Scalar } from '../../../kernel/scalar.ts'
import { predictedClass, scoreColumn } from '../outcome.ts'
import type { InferenceCompleted } from '../../serving/index.ts'

/** One row of a request, as it is looked up. */
export type PredictionRow = Readonly<{
  predictionId: string
  requestId: string
  project: string
  endpoint: string
  endpointId: string
  variant: string
  modelName: string
  modelVersion: number
  role: 'live' | 'shadow'
  pairedWith: string | null
  at: number
  latencyMs: number
  /** This row's share of the request's busy time. */
  busyMs: number
  device: string
  status: InferenceCompleted['status']
  errorCode: string | null
  stickyKey: string | null
  apiKeyId: string | null
  oldestFeatureAt: number | null
  entities: Readonly<Record<string, Scalar>>
  inputs: Readonly<Record<string, Scalar | null>>
  outputs: Readonly<Record<string, Scalar | null>>
  /** The first float output, or of a pair of class probabilities the positive one. */
  score: number | null
  /** The first output that is not a float. */
  predicted: Scalar | null
}>

/** The id of row `index` of a request with `rows` rows. */
export const rowId = (predictionId: string, index: number, rows: number): string =>
  rows === 1 ? predictionId : `${predictionId}.${index}`

/** A request as its rows. A request that failed before it had rows counts as one. */
export function toRows(event: InferenceCompleted): PredictionRow[] {
  const rows = Math.max(1, event.rows)
  const scores = scoreColumn(event.outputs)
  const classes = predictedClass(event.outputs)
  return Array.from({ length: rows }, (_, i) => ({
    predictionId: rowId(event.predictionId, i, rows),
    requestId: event.requestId,
    project: event.project,
    endpoint: event.endpoint,
    endpointId: event.endpointId,
    variant: event.variant,
    modelName: event.model.name,
    modelVersion: event.model.version,
    role: event.role,
    pairedWith: event.pairedWith === null ? null : rowId(event.pairedWith, i, rows),
    at: event.at,
    latencyMs: event.latencyMs,
    busyMs: event.busyMs / rows,
    device: event.device,
    status: event.status,
    errorCode: event.errorCode,
    stickyKey: event.stickyKey,
    apiKeyId: event.apiKeyId,
    oldestFeatureAt: event.oldestFeatureAt,
    entities: event.entities,
    inputs: valuesOf(event.inputs, i),
    outputs: valuesOf(event.outputs, i),
    score: numberOrNull(scores?.values[i]),
    predicted: classes?.values[i] ?? null,
  }))
}

const valuesOf = (columns: InferenceCompleted['inputs'], row: number) =>
  Object.fromEntries(columns.map((column) => [column.name, column.values[row] ?? null]))

/** What rows are wanted. `from` inclusive, `to` exclusive. */
export type PredictionFilter = Readonly<{
  project: string
  endpoint?: string | undefined
  variant?: string | undefined
  role?: 'live' | 'shadow' | undefined
  status?: InferenceCompleted['status'] | undefined
  ids?: readonly string[] | undefined
  /** Rows with one of these ids, and shadows of them. */
  idsAndShadows?: readonly string[] | undefined
  from?: number | undefined
  to?: number | undefined
}>

export function matches(row: PredictionRow, filter: PredictionFilter): boolean {
  return (
    row.project === filter.project &&
    (filter.endpoint === undefined || row.endpoint === filter.endpoint) &&
    (filter.variant === undefined || row.variant === filter.variant) &&
    (filter.role === undefined || row.role === filter.role) &&
    (filter.status === undefined || row.status === filter.status) &&
    (filter.from === undefined || row.at >= filter.from) &&
    (filter.to === undefined || row.at < filter.to) &&
    (filter.ids === undefined || filter.ids.includes(row.predictionId)) &&
    (filter.idsAndShadows === undefined ||
      filter.idsAndShadows.includes(row.predictionId) ||
      (row.pairedWith !== null && filter.idsAndShadows.includes(row.pairedWith)))
  )
}

const numberOrNull = (value: Scalar | null | undefined): number | null =>
  typeof value === 'number' ? value : null
