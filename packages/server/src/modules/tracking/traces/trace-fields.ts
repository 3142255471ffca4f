import { z } from 'zod'
import { invalidParameter } from '../mlflow/mlflow-error.ts'
import { TRACE_STATES } from './trace-records.ts'

export const traceId = z.string().regex(/^[\w:./-]{1,250}$/, 'not a trace id')
export const listField = z.preprocess(
  (value): unknown => (value === undefined ? [] : Array.isArray(value) ? value : [value]),
  z.array(z.string())
)
export const pairs = z.array(z.object({ key: z.string(), value: z.string() })).default([])
const map = z.record(z.string(), z.string()).default({})

/** RFC 3339, as protobuf writes a time in JSON. */
export const timeField = z.string().transform((text, context) => {
  const ms = Date.parse(text)
  if (Number.isNaN(ms)) {
    context.addIssue({ code: 'custom', message: 'not an RFC 3339 time' })
    return z.NEVER
  }
  return ms
})

/** `1.5s`, as protobuf writes a duration in JSON, in milliseconds. */
const duration = z
  .string()
  .regex(/^\d{1,15}(\.\d{1,9})?s$/, 'not a duration')
  .transform((text) => Math.round(Number(text.slice(0, -1)) * 1_000))

export const assessmentFields = z.looseObject({
  assessment_id: z.string().optional(),
  assessment_name: z.string().min(1).max(250),
  span_id: z.string().optional(),
  source: z
    .looseObject({ source_type: z.string().min(1), source_id: z.string().default('default') })
    .optional(),
  create_time: timeField.optional(),
  last_update_time: timeField.optional(),
  feedback: z
    .looseObject({ value: z.unknown().optional(), error: z.unknown().optional() })
    .optional(),
  expectation: z
    .looseObject({
      value: z.unknown().optional(),
      serialized_value: z.looseObject({ value: z.string() }).optional(),
    })
    .optional(),
  issue: z.looseObject({}).optional(),
  rationale: z.string().optional(),
  metadata: z.record(z.string(), z.string()).optional(),
  overrides: z.string().optional(),
})
export type GivenAssessment = z.output<typeof assessmentFields>
export const changedAssessment = assessmentFields.partial()
export type ChangedAssessment = z.output<typeof changedAssessment>

export const traceInfoFields = z.object({
  trace_id: traceId,
  client_request_id: z.string().optional(),
  trace_location: z
    .object({ mlflow_experiment: z.object({ experiment_id: z.string() }).optional() })
    .optional(),
  request_preview: z.string().optional(),
  response_preview: z.string().optional(),
  request_time: timeField,
  execution_duration: duration.optional(),
  state: z.enum(TRACE_STATES).default('STATE_UNSPECIFIED'),
  trace_metadata: map,
  tags: map,
  assessments: z.array(assessmentFields).default([]),
})

export const location = z.object({
  mlflow_experiment: z.object({ experiment_id: z.string() }).optional(),
})

/** Refuses a tag or metadata key that could not be kept. */
export function checkPairs(pairs: readonly { key: string; value: string }[]): void {
  for (const { key } of pairs)
    if (key === '' || key.length > 250)
      throw invalidParameter(
        `A key of a trace has between 1 and 250 characters: '${key.slice(0, 100)}'`
      )
}
