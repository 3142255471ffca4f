import { z } from 'zod'
import { epochMs, name, page, pageQuery } from './names.ts'
import { route } from './route.ts'

const tag = 'Batch'
const byId = z.object({ id: z.string() })

const fileFormat = z.enum(['parquet', 'csv', 'ndjson', 'arrow'])

const batchInput = z.union([
  z.strictObject({
    /** A file that the server reads, or several by a pattern: `data/*.parquet`, `s3://bucket/data/*.parquet`. */
    path: z.string().min(1),
    /** By default what the name ends in. */
    format: fileFormat.exactOptional(),
  }),
  z.strictObject({
    /** A DuckDB query. */
    query: z.string().min(1),
  }),
  z.strictObject({
    /** A PostgreSQL database by the name that the server knows it by: `warehouse` is the address in `TRESTLE_SOURCE_WAREHOUSE`. */
    connection: z.string().min(1),
    /** `name` or `schema.name`; read as it is when the job begins. */
    table: z.string().min(1),
  }),
])

const batchOutput = z.strictObject({
  /** A folder that is not there yet, or is empty; `s3://bucket/prefix` is one, too. */
  path: z.string().min(1),
  format: fileFormat.default('parquet'),
  rowGroupRows: z.int().min(2_048).max(10_000_000).default(122_880),
})

const batchFeatures = z.strictObject({
  service: name,
  /** The input's column with each row's instant: features are those known then. Left out: the values that are served now. */
  eventTime: z.string().min(1).exactOptional(),
})

const newBatchJob = z
  .strictObject({
    /** `fraud/3`, `fraud@champion` … Pinned to the version that it names now. */
    model: z.string().min(1).exactOptional(),
    /** In place of a model: the version that this endpoint serves. In the log and the costs it is `batch:<endpoint>`, as a model is `batch:<model>`. */
    endpoint: name.exactOptional(),
    /** Of the endpoint; by default the one with the most traffic. */
    variant: name.exactOptional(),
    input: batchInput,
    output: batchOutput,
    /** Names of the columns of a model's one input [N, F], in its order, when its signature does not say them. */
    inputColumns: z.array(z.string().min(1)).min(1).exactOptional(),
    /** Which column of the input feeds an input of the model, where their names differ. */
    columns: z.record(z.string(), z.string()).default({}),
    /** Columns of the input that are written beside the predictions; by default all of them. */
    passThrough: z.array(z.string()).exactOptional(),
    /** By default those of the endpoint's feature service, as they are served now. */
    features: batchFeatures.exactOptional(),
    /** Rows of one run of the model. */
    batchRows: z.int().min(1).max(1_000_000).default(16_384),
    /** Rows of one shard: what a worker takes, commits, or does again. */
    shardRows: z.int().min(1).max(100_000_000).default(500_000),
    /** More rows that fail stop the job. */
    maxFailedRows: z.int().min(0).default(1_000),
    /** Whether inputs and outputs go into the inference log. Costs are booked either way. */
    isLogged: z.boolean().default(false),
    /** Asking again with the same key gives the same job. */
    idempotencyKey: z.string().min(1).max(200).exactOptional(),
  })
  .refine((job) => (job.model === undefined) !== (job.endpoint === undefined), {
    error: 'say either the model or the endpoint',
    path: ['model'],
  })
export type NewBatchJob = z.output<typeof newBatchJob>

export const batchState = z.enum([
  'planning',
  'running',
  'paused',
  'publishing',
  'done',
  'failed',
  'cancelled',
])
export type BatchState = z.output<typeof batchState>

const batchJob = z.object({
  id: z.string(),
  project: z.string(),
  state: batchState,
  spec: newBatchJob,
  model: z.object({ name: z.string(), version: z.int() }).nullable(),
  shards: z.object({ total: z.int(), done: z.int() }),
  rows: z.object({
    /** Null until the input is counted. */
    total: z.int().nullable(),
    done: z.int(),
    failed: z.int(),
  }),
  /** Over the last seconds while it runs, and over the whole run once it has ended. */
  rowsPerSecond: z.number().nullable(),
  /** Null when nobody can say. */
  secondsLeft: z.number().nullable(),
  /** Why it failed or what went wrong last; null otherwise. */
  error: z.string().nullable(),
  createdAt: epochMs,
  createdBy: z.string(),
  startedAt: epochMs.nullable(),
  endedAt: epochMs.nullable(),
})
export type BatchJob = z.output<typeof batchJob>

const act = (path: string, summary: string) =>
  route({
    method: 'POST',
    path,
    role: 'operator',
    tag,
    summary,
    params: byId,
    response: batchJob,
    errors: ['batch.job_not_found', 'resource.conflict'],
  })

export const batch = {
  createJob: route({
    method: 'POST',
    path: '/api/batch-jobs',
    role: 'operator',
    tag,
    summary: 'Score a table with a model version or with what an endpoint serves',
    status: 201,
    body: newBatchJob,
    response: batchJob,
    errors: [
      'request.invalid',
      'batch.input_failed',
      'batch.output_exists',
      'registry.model_not_found',
      'registry.version_not_found',
      'registry.version_not_ready',
      'serving.endpoint_not_found',
      'serving.variant_not_found',
      'resource.conflict',
    ],
  }),
  listJobs: route({
    method: 'GET',
    path: '/api/batch-jobs',
    role: 'viewer',
    tag,
    summary: 'List batch jobs, newest first',
    query: pageQuery.extend({ state: batchState.optional() }),
    response: page(batchJob),
  }),
  getJob: route({
    method: 'GET',
    path: '/api/batch-jobs/:id',
    role: 'viewer',
    tag,
    summary: 'A batch job with its progress',
    params: byId,
    response: batchJob,
    errors: ['batch.job_not_found'],
  }),
  pauseJob: act('/api/batch-jobs/:id/pause', 'Stand still; shards that are done stay done'),
  resumeJob: act('/api/batch-jobs/:id/resume', 'Go on after a pause, or try a failed job again'),
  cancelJob: act('/api/batch-jobs/:id/cancel', 'End a job; nothing is published'),
}
