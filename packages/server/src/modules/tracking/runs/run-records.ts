import type { Selectable } from 'kysely'
import type { RunsTable } from '../tables.ts'

export type RunRow = Selectable<RunsTable>
export type RunStatus = 'RUNNING' | 'SCHEDULED' | 'FINISHED' | 'FAILED' | 'KILLED'
export type KeyValue = Readonly<{ key: string; value: string }>

/** One value of a metric. NaN stays NaN; the infinities are the largest doubles, as MLflow stores them. */
export type MetricPoint = Readonly<{ key: string; value: number; timestamp: number; step: number }>

/** A metric as logged, with the model and dataset that it speaks of. */
export type LoggedMetric = MetricPoint &
  Readonly<{ modelId: string | null; datasetName: string; datasetDigest: string }>

export type DatasetRecord = Readonly<{
  name: string
  digest: string
  sourceType: string
  source: string
  schema: string | null
  profile: string | null
  tags: readonly KeyValue[]
}>

/** A run with what was logged to it: the latest value of each metric. */
export type RunRecord = Readonly<{
  project: string
  runId: string
  experimentId: string
  name: string
  userId: string
  status: RunStatus
  startTime: number
  endTime: number | null
  artifactUri: string
  lifecycleStage: 'active' | 'deleted'
  metrics: readonly MetricPoint[]
  params: readonly KeyValue[]
  tags: readonly KeyValue[]
  datasets: readonly DatasetRecord[]
  modelInputs: readonly string[]
  modelOutputs: readonly Readonly<{ modelId: string; step: number }>[]
}>
