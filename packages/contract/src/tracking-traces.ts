import { z } from 'zod'
import { route } from './route.ts'

/** A trace as MLflow 3 knows it (TraceInfoV3). */
const traceInfo = z.object({
  trace_id: z.string(),
  /** ISO 8601. */
  request_time: z.string(),
  /** Seconds with an `s`, as protobuf writes durations; left out while it runs. */
  execution_duration: z.string().optional(),
  state: z.enum(['STATE_UNSPECIFIED', 'OK', 'ERROR', 'IN_PROGRESS']),
  client_request_id: z.string().optional(),
  request_preview: z.string().optional(),
  response_preview: z.string().optional(),
  trace_metadata: z.record(z.string(), z.string()).optional(),
  tags: z.record(z.string(), z.string()).optional(),
  assessments: z
    .array(
      z.object({
        assessment_id: z.string(),
        assessment_name: z.string(),
        source: z.object({ source_type: z.string(), source_id: z.string().optional() }).optional(),
        feedback: z.object({ value: z.unknown() }).loose().optional(),
        expectation: z.object({ value: z.unknown() }).loose().optional(),
        rationale: z.string().optional(),
        valid: z.boolean().optional(),
      })
    )
    .optional(),
})
export type WireTrace = z.output<typeof traceInfo>

/** A span as OpenTelemetry writes it; nanoseconds are whole on the wire, and rounded to 256 of them in JavaScript. */
const traceSpan = z.object({
  span_id: z.string(),
  parent_span_id: z.string().optional(),
  name: z.string(),
  start_time_unix_nano: z.number(),
  end_time_unix_nano: z.number().optional(),
  attributes: z.array(z.object({ key: z.string(), value: z.unknown() })).optional(),
  status: z.object({ code: z.string().optional(), message: z.string().optional() }).optional(),
})
export type WireSpan = z.output<typeof traceSpan>

const tag = 'Tracking (MLflow)'
const root = '/api/3.0/mlflow/traces'

/** The part of MLflow's traces that the console and the SDK use. */
export const traces = {
  searchTraces: route({
    method: 'POST',
    path: `${root}/search`,
    role: 'viewer',
    tag,
    summary: 'Search traces, newest first',
    body: z.object({
      locations: z.array(
        z.object({
          type: z.literal('MLFLOW_EXPERIMENT'),
          mlflow_experiment: z.object({ experiment_id: z.string() }),
        })
      ),
      filter: z.string().optional(),
      max_results: z.int().optional(),
      page_token: z.string().optional(),
    }),
    response: z.object({
      traces: z.array(traceInfo).optional(),
      next_page_token: z.string().optional(),
    }),
  }),
  getTrace: route({
    method: 'GET',
    path: `${root}/get`,
    role: 'viewer',
    tag,
    summary: 'A trace with its spans',
    query: z.object({ trace_id: z.string() }),
    response: z.object({
      trace: z.object({ trace_info: traceInfo, spans: z.array(traceSpan).optional() }),
    }),
  }),
}
