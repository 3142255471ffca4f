import { z } from 'zod'
import { epochMs } from './names.ts'

/** JSON has no NaN, infinity or 64-bit integers: they come as text. */
const value = z.union([z.number(), z.string(), z.boolean(), z.null()])

export const labelValue = z.union([z.number(), z.string().max(1_000), z.boolean()])

export const prediction = z.object({
  predictionId: z.string(),
  requestId: z.string(),
  endpoint: z.string(),
  endpointId: z.string(),
  variant: z.string(),
  model: z.object({ name: z.string(), version: z.int() }),
  role: z.enum(['live', 'shadow']),
  pairedWith: z.string().nullable(),
  at: epochMs,
  latencyMs: z.number(),
  busyMs: z.number(),
  device: z.string(),
  status: z.enum(['ok', 'error', 'timeout', 'rejected']),
  errorCode: z.string().nullable(),
  stickyKey: z.string().nullable(),
  oldestFeatureAt: epochMs.nullable(),
  entities: z.record(z.string(), value),
  inputs: z.record(z.string(), value),
  outputs: z.record(z.string(), value),
  label: z.object({ value: labelValue, at: epochMs }).nullable(),
})
export type Prediction = z.infer<typeof prediction>

const labelInput = z.strictObject({
  predictionId: z.string().min(1).max(200),
  value: labelValue,
  /** When the truth became known; now when left out. */
  at: epochMs.exactOptional(),
})
export type LabelInput = z.infer<typeof labelInput>

/** One label, or many. */
export const labelBody = z.union([
  labelInput.transform((label) => ({ labels: [label] })),
  z.strictObject({ labels: z.array(labelInput).min(1).max(10_000) }),
])

/** How a file of labels is read: `POST /api/labels/import` with the file as its body. */
export const labelImportQuery = z.strictObject({
  format: z.enum(['parquet', 'csv']),
  idColumn: z.string().min(1).default('prediction_id'),
  labelColumn: z.string().min(1).default('label'),
  /** When each truth became known: a time, or epoch milliseconds. Left out: now. */
  atColumn: z.string().min(1).exactOptional(),
})
export type LabelImportQuery = Readonly<
  Pick<z.output<typeof labelImportQuery>, 'format'> & {
    [K in 'idColumn' | 'labelColumn' | 'atColumn']?: string
  }
>

export const labelImport = z.object({
  accepted: z.int(),
  changed: z.int(),
  unchanged: z.int(),
  /** Labels whose prediction is in the log, and those whose is not, or not yet. */
  joined: z.int(),
  unknown: z.int(),
  /** Rows that hold no label, and why, of the first of them. */
  bad: z.int(),
  badRows: z.array(z.object({ row: z.int(), reason: z.string() })),
})
export type LabelImport = z.infer<typeof labelImport>

export const labelRecord = z.object({
  predictionId: z.string(),
  value: labelValue,
  at: epochMs,
  receivedAt: epochMs,
  by: z.string(),
  /** Whether the prediction was found in the log. */
  isJoined: z.boolean(),
  history: z.array(
    z.object({ value: labelValue, at: epochMs, replacedAt: epochMs, replacedBy: z.string() })
  ),
})

export const labelCoverage = z.object({
  variant: z.string(),
  role: z.enum(['live', 'shadow']),
  predictions: z.int(),
  labelled: z.int(),
  coverage: z.number().nullable(),
  lagMs: z.object({ median: z.number(), p90: z.number() }).nullable(),
})

const moments = z.object({ n: z.int(), mean: z.number(), variance: z.number().nullable() })

export const armStats = z.object({
  endpointId: z.string(),
  variant: z.string(),
  role: z.enum(['live', 'shadow']),
  /** Events from here on are counted; not before `from`, at most one slice after it. */
  coveredFrom: epochMs,
  requests: z.int(),
  rows: z.int(),
  errors: z.int(),
  timeouts: z.int(),
  rejected: z.int(),
  latency: z.object({
    p50: z.number().nullable(),
    p95: z.number().nullable(),
    p99: z.number().nullable(),
  }),
  score: moments.extend({
    p05: z.number().nullable(),
    p50: z.number().nullable(),
    p95: z.number().nullable(),
  }),
  nanOutputs: z.int(),
  busyMs: z.number(),
  labelled: z
    .object({
      metric: z.enum(['log-loss', 'error', 'squared-error']),
      n: z.int(),
      meanLoss: z.number(),
      varLoss: z.number().nullable(),
      /** Error rate (classification) or mean absolute error (regression), beside the loss. */
      meanError: z.number(),
      varError: z.number().nullable(),
    })
    .nullable(),
})

export const shadowComparison = z.object({
  primary: z.string(),
  shadow: z.string(),
  coveredFrom: epochMs,
  pairs: z.int(),
  /** Share of pairs with the same class (or, without a class output, scores equal to nine digits). */
  agreement: z.number().nullable(),
  meanAbsDiff: z.number().nullable(),
  varAbsDiff: z.number().nullable(),
  /** Over the latest pairs that are kept. */
  spearman: z.number().nullable(),
  spearmanPairs: z.int(),
  /** Mean latency of the shadow over that of the primary, over the same requests. */
  latencyRatio: z.number().nullable(),
  shadowErrors: z.int(),
  mcnemar: z
    .object({
      labelledPairs: z.int(),
      onlyPrimaryRight: z.int(),
      onlyShadowRight: z.int(),
      pValue: z.number().nullable(),
    })
    .nullable(),
})
