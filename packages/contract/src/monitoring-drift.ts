import { z } from 'zod'
import { epochMs, name } from './names.ts'

const threshold = (standard: number) => z.number().positive().default(standard)

/** How columns are compared: which test says that a change is certain, which effect says that it is large, and from where on. */
export const comparison = {
  /** Numbers. `psi` is debiased for the sample sizes; `wasserstein` and `energy` are in the reference's standard deviations; `ks` is the largest gap between the distributions. */
  numeric: z
    .strictObject({
      test: z
        .enum([
          'ks',
          'cramer-von-mises',
          'anderson-darling',
          'mann-whitney',
          'epps-singleton',
          'welch',
          'student',
        ])
        .default('ks'),
      effect: z
        .enum(['psi', 'wasserstein', 'energy', 'ks', 'js', 'hellinger', 'tv', 'linf', 'kl'])
        .default('psi'),
      threshold: threshold(0.1),
    })
    .prefault({}),
  /** Categories. `js` is the Jensen-Shannon distance, base 2; `tv` total variation; `linf` the largest change of one category's share. `fisher` and `z` need two categories and give way to `chi2` otherwise. */
  categorical: z
    .strictObject({
      test: z.enum(['chi2', 'g', 'fisher', 'z']).default('chi2'),
      effect: z.enum(['psi', 'js', 'hellinger', 'tv', 'linf', 'kl']).default('psi'),
      threshold: threshold(0.1),
    })
    .prefault({}),
  /** Texts and embeddings: how well a classifier tells current rows from reference rows, as area under its ROC curve (0.5: not at all). */
  vectors: z.strictObject({ threshold: z.number().min(0.5).max(1).default(0.55) }).prefault({}),
  /** How much the share of missing values may move. */
  missingThreshold: z.number().positive().max(1).default(0.05),
  /** How large a share of values may be beyond the reference's range, or in categories that it has not. */
  outsideThreshold: z.number().positive().max(1).default(0.01),
  /** The range that the numbers of a column must be in, whatever the reference held. */
  ranges: z
    .record(
      z.string(),
      z
        .strictObject({ min: z.number().exactOptional(), max: z.number().exactOptional() })
        .refine(({ min = -Infinity, max = Infinity }) => min <= max, '`min` is above `max`')
    )
    .default({}),
  /** Largest share of false discoveries among the columns called drifted (Benjamini-Hochberg over all tests of a window). */
  falseDiscoveryRate: z.number().positive().max(0.5).default(0.05),
  /** Fewer rows than this in a window, or values in a column: `insufficient`, never `ok`. */
  minimumRows: z.int().min(20).default(50),
}

export const comparisonOptions = z.strictObject(comparison)
export type ComparisonOptions = z.output<typeof comparisonOptions>

const histogram = z.object({
  /** One label per bin: a range of numbers, a category, `missing` or `other`. */
  bins: z.array(z.string()),
  reference: z.array(z.number()),
  current: z.array(z.number()),
})

/** Shares of both sides in bins of equal width over the range that nearly all numbers are in; the outermost bins hold what is beyond. */
const density = z.object({
  from: z.number(),
  to: z.number(),
  reference: z.array(z.number()),
  current: z.array(z.number()),
})
export type Density = z.infer<typeof density>

export const columnReport = z.object({
  column: z.string(),
  /** Which part of the rows this is of, as `country = NL`; null for all of them. */
  segment: z.string().nullable().default(null),
  source: z.enum(['input', 'output']),
  kind: z.enum(['numeric', 'categorical', 'text', 'embedding']),
  state: z.enum(['ok', 'drift', 'insufficient']),
  values: z.int(),
  missingShare: z.number(),
  referenceMissingShare: z.number(),
  /** Share of rows whose value is of another type than the reference's; they count as missing too. */
  invalidShare: z.number().default(0),
  effect: z.object({ name: z.string(), value: z.number().nullable(), threshold: z.number() }),
  test: z.string(),
  pValue: z.number().nullable(),
  /** After Benjamini-Hochberg over the tests of the window. */
  adjustedPValue: z.number().nullable(),
  missingPValue: z.number().nullable(),
  newCategories: z.array(z.string()),
  /** Share of current values outside the reference's range, or the declared one, or in categories that it has not. */
  outOfRangeShare: z.number(),
  /** Of that share, after the same correction. */
  outOfRangePValue: z.number().nullable().default(null),
  mean: z.number().nullable(),
  referenceMean: z.number().nullable(),
  /** What changed, or why nothing can be said, in plain words; empty when nothing did. */
  finding: z.string(),
  histogram,
  density: density.nullable().default(null),
})
export type ColumnReport = z.output<typeof columnReport>

const side = z.object({ name: z.string(), rows: z.int() })

/** How good predictions are on both sides of a report, and whether the current ones are worse. */
const reportQuality = z.object({
  /** `binary`, `multiclass`, `regression` … */
  problem: z.string(),
  state: z.enum(['ok', 'worse', 'insufficient']),
  finding: z.string(),
  metrics: z.record(z.string(), z.number().nullable()),
  referenceMetrics: z.record(z.string(), z.number().nullable()).nullable(),
})

const reportSegment = z.object({
  /** As `column = value`. */
  segment: z.string(),
  rows: z.int(),
  referenceRows: z.int(),
  state: z.enum(['ok', 'drift', 'insufficient']),
  driftedColumns: z.array(z.string()),
  summary: z.string(),
})

/** A drift report on two data sets, as a document: what `trestle drift report --json` prints. Fields are added, never changed, within a version. */
export const driftDocument = z.object({
  kind: z.literal('trestle.drift-report'),
  version: z.literal(1),
  createdAt: z.int().nonnegative(),
  reference: side,
  current: side,
  options: comparisonOptions,
  /** `drift` when a column drifted or the quality is worse. */
  state: z.enum(['ok', 'drift', 'insufficient']),
  summary: z.string(),
  driftedColumns: z.array(z.string()),
  /** Worst first. */
  columns: z.array(columnReport),
  /** Columns that were not compared, and why. */
  leftOut: z.array(z.object({ column: z.string(), because: z.string() })),
  quality: reportQuality.nullable(),
  segments: z.array(reportSegment),
})
export type DriftDocument = z.output<typeof driftDocument>

/** One side of a comparison: live answers of an endpoint between two moments, or rows that are given. */
export const comparedRows = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('window'),
    endpoint: name,
    variant: z.string().nullable().default(null),
    from: epochMs,
    to: epochMs,
  }),
  z.strictObject({
    kind: z.literal('rows'),
    name: z.string().max(200).default('rows'),
    rows: z
      .array(z.record(z.string(), z.union([z.number(), z.string(), z.boolean(), z.null()])))
      .min(1)
      .max(200_000),
  }),
])
export type ComparedRows = z.output<typeof comparedRows>
