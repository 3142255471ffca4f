import type { Selectable } from 'kysely'
import type { KeyValue, MetricPoint } from '../runs/run-records.ts'
import type { LoggedModelsTable } from '../tables.ts'

export type LoggedModelRow = Selectable<LoggedModelsTable>

export type ModelMetric = MetricPoint &
  Readonly<{ runId: string; datasetName: string; datasetDigest: string }>

/** A model as a run made it: its files lie under `artifactUri`. */
export type LoggedModelRecord = Readonly<{
  project: string
  modelId: string
  experimentId: string
  name: string
  artifactUri: string
  status: string
  modelType: string
  sourceRunId: string | null
  createdAt: number
  updatedAt: number
  params: readonly KeyValue[]
  tags: readonly KeyValue[]
  metrics: readonly ModelMetric[]
}>

export const toRecord = (
  row: LoggedModelRow,
  data: { params: readonly KeyValue[]; tags: readonly KeyValue[]; metrics: readonly ModelMetric[] }
): LoggedModelRecord => ({
  project: row.project,
  modelId: row.model_id,
  experimentId: String(row.experiment_id),
  name: row.name,
  artifactUri: row.artifact_uri,
  status: row.status,
  modelType: row.model_type,
  sourceRunId: row.source_run_id,
  createdAt: row.creation_timestamp_ms,
  updatedAt: row.last_updated_timestamp_ms,
  ...data,
})
