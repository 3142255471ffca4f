import { z } from 'zod'

export const gateMetric = z.enum([
  'error-rate',
  'timeout-rate',
  'latency-p50',
  'latency-p95',
  'latency-p99',
  'nan-outputs',
  'output-schema',
  'prediction-distribution',
  'feature-freshness',
  'input-drift',
  'feature-consistency',
  'agreement',
  'score-difference',
  'rank-correlation',
  'label-quality',
  'paired-labels',
  'business-metric',
  'cost',
  'promql',
  'sample-ratio',
])
export type GateMetric = z.infer<typeof gateMetric>

/** Metrics of which an endpoint may have several, told apart by their names. */
const NAMED: readonly GateMetric[] = ['business-metric', 'promql']
/** Metrics of which a new variant can be asked to be better: their harm may be below nought. */
const SIGNED: readonly GateMetric[] = [
  'error-rate',
  'timeout-rate',
  'latency-p50',
  'latency-p95',
  'latency-p99',
  'label-quality',
  'paired-labels',
  'business-metric',
  'cost',
  'promql',
]

const gateFields = z.strictObject({
  metric: gateMetric,
  /** `business-metric`: the metric as it is pushed. `promql`: what to call the query. */
  name: z.string().min(1).max(120).exactOptional(),
  /** `promql` only: `{{endpoint}}`, `{{candidate}}`, `{{baseline}}`, `{{window}}` are filled in; a query with `{{variant}}` is asked for both variants and compared. */
  query: z.string().min(1).max(4_000).exactOptional(),
  /** `business-metric` and `promql`: whether more is better. By default true for the first, false for the second. */
  higherIsBetter: z.boolean().exactOptional(),
  /**
   * How much worse than the old variant is still acceptable: a difference of shares for rates (0.01 is one point), a ratio for latency, freshness, cost
   * and PromQL (0.25 is a quarter more), a loss difference for label quality, a difference of the right answers' share for paired labels, of the mean
   * for a business metric and for scores, a Kolmogorov-Smirnov distance for the prediction distribution, the share of disagreeing pairs for agreement,
   * 1 less Spearman's correlation for ranks, the deviation of the share for the sample ratio. Below nought asks for better by as much. Input drift
   * takes its thresholds from the monitors.
   */
  margin: z.number().min(-1e9).max(1e9).exactOptional(),
  /** Highest acceptable value whatever the old variant does. The only condition that can be judged when the new variant carries everything. */
  max: z.number().exactOptional(),
  /** `promql` and `business-metric`: lowest acceptable value whatever the old variant does. */
  min: z.number().exactOptional(),
  /** Latency and freshness only: differences below this many milliseconds are never harm. */
  floorMs: z.number().min(0).exactOptional(),
  /** A failing critical gate rolls back at once; another one after `failureLimit` looks in a row. */
  isCritical: z.boolean().exactOptional(),
  /** Fewest samples of each arm before a pass. */
  minSamples: z.int().min(1).exactOptional(),
})

/** A condition on the new variant. What is left out is filled with the metric's default. */
export const gate = gateFields.superRefine((given, context) => {
  const wrong = (path: string, message: string): void =>
    context.addIssue({ code: 'custom', path: [path], message })
  const { metric } = given
  if (NAMED.includes(metric) !== (given.name !== undefined))
    wrong('name', given.name === undefined ? `a ${metric} gate needs a name` : `${metric} has none`)
  if ((metric === 'promql') !== (given.query !== undefined))
    wrong('query', metric === 'promql' ? 'a promql gate needs a query' : `${metric} has none`)
  if (given.higherIsBetter !== undefined && !NAMED.includes(metric))
    wrong('higherIsBetter', `${metric} has one direction`)
  if (given.min !== undefined && !NAMED.includes(metric)) wrong('min', `${metric} has no lowest`)
  if ((given.margin ?? 0) < 0 && !SIGNED.includes(metric))
    wrong('margin', `${metric} is never below nought`)
  if ((given.max ?? 0) < 0 && !NAMED.includes(metric)) wrong('max', 'must be 0 or more')
})
export type GateInput = z.infer<typeof gateFields>

export const resolvedGate = z.object({
  metric: gateMetric,
  name: z.string().nullable(),
  query: z.string().nullable(),
  higherIsBetter: z.boolean(),
  margin: z.number(),
  max: z.number().nullable(),
  min: z.number().nullable(),
  floorMs: z.number(),
  isCritical: z.boolean(),
  minSamples: z.int(),
})
export type Gate = z.infer<typeof resolvedGate>

/** What tells the gates of a rollout apart: the metric, and its name where there may be several. */
export const gateKey = (gate: { metric: GateMetric; name?: string | null }): string =>
  gate.name === undefined || gate.name === null ? gate.metric : `${gate.metric}:${gate.name}`
