import type { ColumnType, Generated } from 'kysely'

type Flag = number // 0 or 1: the portable subset has no boolean

export interface ExperimentsTable {
  project: string
  experiment_id: number
  name: string
  artifact_location: string
  lifecycle_stage: string
  creation_time: number
  last_update_time: number
}

export interface ExperimentTagsTable {
  project: string
  experiment_id: number
  key: string
  value: string
}

/** `run_key` is the short internal key that params, metrics and tags hang on; `run_id` is what the world sees. */
export interface RunsTable {
  run_key: Generated<number>
  project: string
  run_id: string
  experiment_id: number
  run_name: string
  user_id: string
  status: string
  start_time: number
  end_time: number | null
  artifact_uri: string
  lifecycle_stage: string
  deleted_at: ColumnType<number | null, number | null | undefined, number | null>
}

export interface KeyValueOfRun {
  run_key: number
  key: string
  value: string
}

/** NaN is stored as 0 with `is_nan`: SQLite has no NaN. */
export interface MetricsTable {
  run_key: number
  key: string
  timestamp: number
  step: number
  value: number
  is_nan: Flag
}

export interface DatasetsTable {
  dataset_key: Generated<number>
  project: string
  experiment_id: number
  name: string
  digest: string
  source_type: string
  source: string
  schema: string | null
  profile: string | null
}

/** A dataset that a run read; `tags` is a JSON object, `context` its `mlflow.data.context`. */
export interface RunDatasetsTable {
  run_key: number
  dataset_key: number
  context: string | null
  tags: string
}

/** A logged model that a run read (`input`) or made (`output`). */
export interface RunModelsTable {
  run_key: number
  model_id: string
  direction: 'input' | 'output'
  step: number
}

export interface LoggedModelsTable {
  model_id: string
  project: string
  experiment_id: number
  name: string
  artifact_uri: string
  status: string
  model_type: string
  source_run_id: string | null
  lifecycle_stage: string
  creation_timestamp_ms: number
  last_updated_timestamp_ms: number
}

export interface KeyValueOfModel {
  model_id: string
  key: string
  value: string
}

export interface LoggedModelMetricsTable {
  model_id: string
  run_id: string
  key: string
  value: number
  is_nan: Flag
  step: number
  timestamp: number
  dataset_name: string
  dataset_digest: string
}

/** One file: where it is, which bytes it has. */
export interface ArtifactsTable {
  project: string
  path: string
  digest: string
  size: number
  updated_at: number
}

export interface ArtifactUploadsTable {
  upload_id: string
  project: string
  path: string
  created_at: number
}

export interface ArtifactUploadPartsTable {
  upload_id: string
  part_number: number
  digest: string
  size: number
}

/** `is_final` once the client has told the whole of it: what spans would tell no longer counts. */
export interface TracesTable {
  trace_key: Generated<number>
  project: string
  trace_id: string
  experiment_id: number
  timestamp_ms: number
  execution_time_ms: number | null
  state: string
  client_request_id: string | null
  request_preview: string | null
  response_preview: string | null
  is_final: Flag
}

export interface KeyValueOfTrace {
  trace_key: number
  key: string
  value: string
}

/** `content` is the span on MLflow's wire, 64-bit numbers as text; `attributes` its attributes as text by key, for searches. */
export interface TraceSpansTable {
  trace_key: number
  span_id: string
  parent_id: string | null
  name: string
  type: string
  status: string
  /** Start in nanoseconds, padded so that text order is time order. */
  start_order: string
  attributes: string
  content: string
}

/** `body` is the assessment on MLflow's wire; `value` its value as JSON, `number` the same when it is a number or a boolean. */
export interface TraceAssessmentsTable {
  trace_key: number
  assessment_id: string
  name: string
  kind: string
  value: string | null
  number: number | null
  valid: Flag
  overrides: string | null
  body: string
  created_at: number
}

/** `schema` is JSON; `records` counts them. */
export interface EvaluationDatasetsTable {
  dataset_id: string
  project: string
  name: string
  digest: string
  schema: string | null
  records: number
  created_time: number
  last_update_time: number
  created_by: string | null
  last_updated_by: string | null
}

export interface ScorersTable {
  project: string
  experiment_id: number
  name: string
  version: number
  scorer_id: string
  serialized_scorer: string
  creation_time: number
}

/** The tracking module's tables. */
export interface TrackingTables {
  experiments: ExperimentsTable
  experiment_tags: ExperimentTagsTable
  tracking_counters: { project: string; name: string; value: number }
  runs: RunsTable
  params: KeyValueOfRun
  run_tags: KeyValueOfRun
  metrics: MetricsTable
  latest_metrics: MetricsTable
  datasets: DatasetsTable
  run_datasets: RunDatasetsTable
  run_models: RunModelsTable
  logged_models: LoggedModelsTable
  logged_model_params: KeyValueOfModel & { position: ColumnType<number> }
  logged_model_tags: KeyValueOfModel
  logged_model_metrics: LoggedModelMetricsTable
  artifacts: ArtifactsTable
  artifact_uploads: ArtifactUploadsTable
  artifact_upload_parts: ArtifactUploadPartsTable
  traces: TracesTable
  trace_tags: KeyValueOfTrace
  trace_metadata: KeyValueOfTrace
  trace_spans: TraceSpansTable
  trace_assessments: TraceAssessmentsTable
  trace_runs: { trace_key: number; run_id: string }
  evaluation_datasets: EvaluationDatasetsTable
  evaluation_dataset_tags: { dataset_id: string; key: string; value: string }
  evaluation_dataset_experiments: { dataset_id: string; experiment_id: number }
  evaluation_dataset_records: {
    dataset_id: string
    input_hash: string
    record_id: string
    created_time: number
    content: string
  }
  scorers: ScorersTable
  workspaces: { project: string; name: string; description: string | null }
  trace_prompts: { trace_key: number; prompt: string }
}
