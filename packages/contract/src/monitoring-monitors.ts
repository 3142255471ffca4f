import { z } from 'zod'
import { alertAction } from './monitoring-alerts.ts'
import { columnReport, comparison } from './monitoring-drift.ts'
import { epochMs, name } from './names.ts'

const scalar = z.union([z.number(), z.string(), z.boolean(), z.null()])

/** What the current window is compared with. It is read once and kept as counts, bins and a sample. */
const referenceSource = z.discriminatedUnion('kind', [
  /** A stretch of the log. */
  z.strictObject({ kind: z.literal('window'), from: epochMs, to: epochMs }),
  /** The windows right before the one that is judged. */
  z.strictObject({ kind: z.literal('moving'), windows: z.int().min(1).max(50).default(7) }),
  /** The same stretch of time one week before, two weeks before …: windows of a time that divides a week. */
  z.strictObject({ kind: z.literal('hour-of-week'), weeks: z.int().min(1).max(8).default(4) }),
  /** The training set of a run: the Parquet or CSV artifact at `path`; null finds it by the datasets that the run logged. */
  z.strictObject({
    kind: z.literal('run'),
    runId: z.string().min(1).max(64),
    path: z.string().min(1).max(500).nullable().default(null),
  }),
  /** A training set that the feature store made; of several with one name the newest. */
  z.strictObject({ kind: z.literal('training-set'), name: z.string().min(1).max(250) }),
  /** The first rows after the monitor was made. */
  z.strictObject({ kind: z.literal('first'), rows: z.int().min(50).max(200_000) }),
  z.strictObject({
    kind: z.literal('dataset'),
    rows: z.array(z.record(z.string(), scalar)).min(50).max(200_000),
  }),
  z.strictObject({ kind: z.literal('csv'), text: z.string().min(1) }),
])

const windowSize = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('rows'), rows: z.int().min(20).max(50_000) }),
  z.strictObject({
    kind: z.literal('time'),
    ms: z
      .int()
      .min(1_000)
      .max(31 * 86_400_000),
  }),
])

const quality = z.strictObject({
  problem: z.enum(['binary', 'multiclass', 'regression']),
  /** Label value that counts as positive in a binary problem. */
  positive: scalar.default(1),
  /** Fewer labels than this in a window: the quality is `insufficient`. */
  minimumLabels: z.int().min(1).default(50),
  /** Share by which the mean loss (error rate, or absolute error) may exceed the reference period's before it counts as worse. */
  tolerance: z.number().min(0).default(0.1),
})

/** Parts of the rows that are judged on their own too: of each variant, or of each value of an input or an entity key, the most frequent ones. */
const segments = z
  .strictObject({
    by: z.enum(['variant', 'input', 'entity']),
    /** Of the input or the entity key. */
    name: z.string().min(1).max(250).exactOptional(),
    most: z.int().min(1).max(20).default(10),
  })
  .refine(({ by, name }) => (by === 'variant') === (name === undefined), {
    path: ['name'],
    message: 'names the input or the entity key; a variant needs none',
  })

/** A monitor as it is declared. */
export const monitorSpec = z.strictObject({
  name,
  endpoint: name,
  /** One variant, or null for every live answer of the endpoint. */
  variant: z.string().nullable().default(null),
  /** Input columns by name, or `all`. */
  columns: z.union([z.literal('all'), z.array(z.string()).min(1)]).default('all'),
  /** Whether the outputs are watched too (prediction drift). */
  watchOutputs: z.boolean().default(true),
  reference: referenceSource,
  window: windowSize,
  ...comparison,
  segments: segments.nullable().default(null),
  /** Alert when this many of the last windows drifted. */
  alertWhen: z
    .strictObject({ drifted: z.int().min(1).max(50), of: z.int().min(1).max(50) })
    .default({ drifted: 2, of: 3 })
    .refine((rule) => rule.drifted <= rule.of, '`drifted` cannot be more than `of`'),
  quality: quality.nullable().default(null),
  /** Done once when an alert of this monitor begins to fire, unless a silence covers it. */
  onAlert: z.array(alertAction).max(1).default([]),
})
export type MonitorSpec = z.output<typeof monitorSpec>
export type MonitorInput = z.input<typeof monitorSpec>

export const monitorState = z.enum(['waiting', 'insufficient', 'ok', 'drift', 'failed'])
export type MonitorState = z.infer<typeof monitorState>

export const monitor = z.object({
  /** As declared, but a reference given as rows is not sent back. */
  spec: z.object({
    ...monitorSpec.shape,
    reference: z.object({ kind: z.string(), detail: z.string() }),
  }),
  state: monitorState,
  /** Why the state is what it is, in plain words. */
  summary: z.string(),
  /** Rows that the reference was made of; null while it is not there yet. */
  referenceRows: z.int().nullable(),
  referenceAt: epochMs.nullable(),
  lastEvaluatedAt: epochMs.nullable(),
  createdAt: epochMs,
  updatedAt: epochMs,
})
export type Monitor = z.infer<typeof monitor>

/** How good predictions are to be expected while their labels are not there. */
const qualityEstimate = z.object({
  /** Confidence-based performance estimation, or direct loss estimation. */
  method: z.enum(['CBPE', 'DLE']),
  state: z.enum(['ok', 'worse']),
  metrics: z.record(z.string(), z.number().nullable()),
  /** Labelled predictions of the reference period that it was learnt from. */
  referenceLabels: z.int(),
  finding: z.string(),
})
export type QualityEstimate = z.infer<typeof qualityEstimate>

const qualityReport = z.object({
  state: z.enum(['ok', 'worse', 'insufficient']),
  predictions: z.int(),
  labels: z.int(),
  coverage: z.number(),
  metrics: z.record(z.string(), z.number().nullable()),
  referenceMetrics: z.record(z.string(), z.number().nullable()).nullable(),
  /** Where the error rate changed, by ADWIN and Page-Hinkley over the labelled predictions in order of time. */
  conceptDrift: z.object({
    detected: z.boolean(),
    detectors: z.array(z.object({ name: z.string(), at: epochMs.nullable() })),
  }),
  finding: z.string(),
  /** Null where there is nothing to estimate from. */
  estimate: qualityEstimate.nullable().default(null),
})
export type QualityReport = z.infer<typeof qualityReport>

export const driftReportHead = z.object({
  id: z.string(),
  monitor: z.string(),
  endpoint: z.string(),
  state: monitorState,
  /** `scheduled` windows follow each other and count for alerts; a `manual` one looks at the latest rows and does not. */
  trigger: z.enum(['scheduled', 'manual']),
  from: epochMs,
  to: epochMs,
  rows: z.int(),
  columns: z.int(),
  /** Worst first. */
  driftedColumns: z.array(z.string()),
  summary: z.string(),
  createdAt: epochMs,
})
export type DriftReportHead = z.infer<typeof driftReportHead>

export const driftReport = driftReportHead.extend({
  columnReports: z.array(columnReport),
  quality: qualityReport.nullable(),
})
export type DriftReport = z.infer<typeof driftReport>
