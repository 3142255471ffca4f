import { z } from 'zod'

/** MLflow's int64: a number, or its digits as a string (query strings, protobuf's own JSON). */
export const int64 = z.preprocess(
  (value) => (typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value),
  z.int()
)

/** A double; NaN and the infinities come as strings. */
export const double = z.union([
  z.number(),
  z.enum(['NaN', 'Infinity', '-Infinity']),
  z.string().regex(/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/),
])

/** A repeated field of a query string: one value or several. */
export const repeated = z.preprocess(
  (value) => (value === undefined || Array.isArray(value) ? value : [value]),
  z.array(z.string()).default([])
)

export const keyValue = z.object({ key: z.string(), value: z.string() })

export const viewType = z.enum(['ACTIVE_ONLY', 'DELETED_ONLY', 'ALL'])

export const experiment = z.object({
  experiment_id: z.string(),
  name: z.string(),
  artifact_location: z.string(),
  lifecycle_stage: z.string(),
  last_update_time: z.number(),
  creation_time: z.number(),
  tags: z.array(keyValue).optional(),
})
export type WireExperiment = z.infer<typeof experiment>

export const metric = z.object({
  key: z.string(),
  /** A number, or `NaN` as a string. */
  value: z.union([z.number(), z.literal('NaN')]),
  timestamp: z.number(),
  step: z.number(),
})
export type WireMetric = z.infer<typeof metric>

/** A metric as it is logged. */
export const metricInput = z.object({
  key: z.string(),
  value: double,
  timestamp: int64,
  step: int64.default(0),
  model_id: z.string().optional(),
  dataset_name: z.string().optional(),
  dataset_digest: z.string().optional(),
})

export const runStatus = z.enum(['RUNNING', 'SCHEDULED', 'FINISHED', 'FAILED', 'KILLED'])

export const runInfo = z.object({
  run_id: z.string(),
  run_uuid: z.string(),
  experiment_id: z.string(),
  run_name: z.string(),
  user_id: z.string(),
  status: runStatus,
  start_time: z.number(),
  end_time: z.number().optional(),
  artifact_uri: z.string(),
  lifecycle_stage: z.string(),
})
export type WireRunInfo = z.infer<typeof runInfo>

export const dataset = z.object({
  name: z.string(),
  digest: z.string(),
  source_type: z.string(),
  source: z.string(),
  schema: z.string().optional(),
  profile: z.string().optional(),
})

export const datasetInput = z.object({ dataset, tags: z.array(keyValue).optional() })

export const run = z.object({
  info: runInfo,
  data: z.object({
    metrics: z.array(metric).optional(),
    params: z.array(keyValue).optional(),
    tags: z.array(keyValue).optional(),
  }),
  inputs: z.object({
    dataset_inputs: z.array(datasetInput).optional(),
    model_inputs: z.array(z.object({ model_id: z.string() })).optional(),
  }),
  outputs: z
    .object({
      model_outputs: z.array(z.object({ model_id: z.string(), step: z.number() })).optional(),
    })
    .optional(),
})
export type WireRun = z.infer<typeof run>

export const fileInfo = z.object({
  path: z.string(),
  is_dir: z.boolean(),
  file_size: z.number().optional(),
})
export type WireFileInfo = z.infer<typeof fileInfo>
