import type { Selectable } from 'kysely'
import type { KeyValue } from '../runs/run-records.ts'
import type { TraceAssessmentsTable, TraceSpansTable, TracesTable } from '../tables.ts'

export type TraceRow = Selectable<TracesTable>
export type AssessmentRow = Selectable<TraceAssessmentsTable>
export type SpanRow = Omit<Selectable<TraceSpansTable>, 'trace_key'>

export const TRACE_STATES = ['STATE_UNSPECIFIED', 'OK', 'ERROR', 'IN_PROGRESS'] as const
export type TraceState = (typeof TRACE_STATES)[number]

/** A trace with all but its spans. */
export type TraceRecord = Readonly<{
  row: TraceRow
  tags: readonly KeyValue[]
  metadata: readonly KeyValue[]
  assessments: readonly AssessmentRow[]
}>

/** What a client tells of a whole trace. */
export type TraceInfo = Readonly<{
  traceId: string
  experimentId: number
  timestampMs: number
  executionTimeMs: number | null
  state: TraceState
  clientRequestId: string | null
  requestPreview: string | null
  responsePreview: string | null
  tags: readonly KeyValue[]
  metadata: readonly KeyValue[]
}>

/** What the spans of one trace tell of it. Times are in milliseconds. */
export type SpansOfTrace = Readonly<{
  traceId: string
  experimentId: number
  spans: readonly SpanRow[]
  startMs: number
  endMs: number | null
  root: Readonly<{
    name: string
    state: TraceState
    requestPreview: string | null
    responsePreview: string | null
  }> | null
  tags: readonly KeyValue[]
  metadata: readonly KeyValue[]
}>
