import type { AssessmentRow, TraceRecord } from './trace-records.ts'

/** A trace as MLflow 3 knows it (TraceInfoV3). */
export function toTraceInfo(record: TraceRecord): object {
  const { row } = record
  return {
    trace_id: row.trace_id,
    trace_location: {
      type: 'MLFLOW_EXPERIMENT',
      mlflow_experiment: { experiment_id: String(row.experiment_id) },
    },
    request_time: new Date(row.timestamp_ms).toISOString(),
    ...(row.execution_time_ms === null
      ? {}
      : { execution_duration: `${row.execution_time_ms / 1_000}s` }),
    state: row.state,
    ...(row.client_request_id === null ? {} : { client_request_id: row.client_request_id }),
    ...(row.request_preview === null ? {} : { request_preview: row.request_preview }),
    ...(row.response_preview === null ? {} : { response_preview: row.response_preview }),
    trace_metadata: Object.fromEntries(record.metadata.map((pair) => [pair.key, pair.value])),
    tags: Object.fromEntries(tagsOf(record)),
    ...(record.assessments.length === 0
      ? {}
      : { assessments: record.assessments.map(toAssessment) }),
  }
}

/** A trace as MLflow 2 knows it (TraceInfo). */
export function toTraceInfoV2(record: TraceRecord): object {
  const { row } = record
  return {
    request_id: row.trace_id,
    experiment_id: String(row.experiment_id),
    timestamp_ms: row.timestamp_ms,
    ...(row.execution_time_ms === null ? {} : { execution_time_ms: row.execution_time_ms }),
    status: row.state === 'STATE_UNSPECIFIED' ? 'TRACE_STATUS_UNSPECIFIED' : row.state,
    request_metadata: record.metadata.map(({ key, value }) => ({ key, value })),
    tags: tagsOf(record).map(([key, value]) => ({ key, value })),
  }
}

const tagsOf = ({ row, tags }: TraceRecord): [string, string][] => [
  [
    'mlflow.artifactLocation',
    `mlflow-artifacts:/${row.experiment_id}/traces/${row.trace_id}/artifacts`,
  ],
  ...tags.map(({ key, value }): [string, string] => [key, value]),
]

export function toAssessment(row: AssessmentRow): object {
  const body = JSON.parse(row.body) as object // written by `assessments.ts`
  return { ...body, valid: row.valid === 1 }
}

const LONG = new Set(['start_time_unix_nano', 'end_time_unix_nano', 'time_unix_nano', 'int_value'])

// In the language since ES2025, and not yet in the library that is compiled against.
const { rawJSON } = JSON as unknown as { rawJSON: (text: string) => unknown }

/** A span with its 64-bit numbers as JSON numbers, whole: MLflow's clients read them so. */
export const toSpan = (content: string): unknown =>
  JSON.parse(content, (key, value: unknown) =>
    LONG.has(key) && typeof value === 'string' ? rawJSON(value) : value
  )
