import type { WireMetric, WireRun, WireRunInfo } from '@trestle/contract'
import { toWireValue } from './metric-value.ts'
import type { DatasetRecord, MetricPoint, RunRecord, RunRow, RunStatus } from './run-records.ts'

/** `{ [name]: items }`, or nothing: MLflow leaves empty lists out. */
export const unlessEmpty = <K extends string, T>(
  name: K,
  items: readonly T[]
): { [P in K]?: T[] } => (items.length === 0 ? {} : ({ [name]: [...items] } as { [P in K]?: T[] })) // a computed key widens to string

export const toWireMetric = (point: MetricPoint): WireMetric => ({
  key: point.key,
  value: toWireValue(point.value),
  timestamp: point.timestamp,
  step: point.step,
})

export const toWireInfo = (run: {
  runId: string
  experimentId: string
  name: string
  userId: string
  status: RunStatus
  startTime: number
  endTime: number | null
  artifactUri: string
  lifecycleStage: string
}): WireRunInfo => ({
  run_uuid: run.runId,
  experiment_id: run.experimentId,
  run_name: run.name,
  user_id: run.userId,
  status: run.status,
  start_time: run.startTime,
  ...(run.endTime === null ? {} : { end_time: run.endTime }),
  artifact_uri: run.artifactUri,
  lifecycle_stage: run.lifecycleStage,
  run_id: run.runId,
})

export const rowToWireInfo = (row: RunRow): WireRunInfo =>
  toWireInfo({
    runId: row.run_id,
    experimentId: String(row.experiment_id),
    name: row.run_name,
    userId: row.user_id,
    status: row.status as RunStatus, // only these are written
    startTime: row.start_time,
    endTime: row.end_time,
    artifactUri: row.artifact_uri,
    lifecycleStage: row.lifecycle_stage,
  })

export const toWireRun = (run: RunRecord): WireRun => ({
  info: toWireInfo(run),
  data: {
    ...unlessEmpty('metrics', run.metrics.map(toWireMetric)),
    ...unlessEmpty('params', run.params),
    ...unlessEmpty('tags', run.tags),
  },
  inputs: {
    ...unlessEmpty('dataset_inputs', run.datasets.map(toWireDataset)),
    ...unlessEmpty(
      'model_inputs',
      run.modelInputs.map((id) => ({ model_id: id }))
    ),
  },
  outputs: unlessEmpty(
    'model_outputs',
    run.modelOutputs.map((m) => ({ model_id: m.modelId, step: m.step }))
  ),
})

const toWireDataset = (dataset: DatasetRecord) => ({
  ...unlessEmpty('tags', dataset.tags),
  dataset: {
    name: dataset.name,
    digest: dataset.digest,
    source_type: dataset.sourceType,
    source: dataset.source,
    ...(dataset.schema === null ? {} : { schema: dataset.schema }),
    ...(dataset.profile === null ? {} : { profile: dataset.profile }),
  },
})
