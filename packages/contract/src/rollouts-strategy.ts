import { z } from 'zod'

const durationMs = z
  .int()
  .min(0)
  .max(90 * 86_400_000)
const share = z.number().gt(0).max(1)

/** One step of a canary: the new variant gets `weightPercent` of the requests for at least `bakeMs` and `minRequests`. */
const canaryStep = z.strictObject({
  weightPercent: z.number().gt(0).lt(100),
  bakeMs: durationMs.default(600_000),
  /** Fewest requests of the new variant before the step can pass. */
  minRequests: z.int().min(1).default(100),
  /** A person has to approve before the rollout leaves this step. */
  needsApproval: z.boolean().default(false),
})

/** Copies of requests to the new variant, whose answers nobody sees. */
const shadowStep = z.strictObject({
  share: share.default(1),
  bakeMs: durationMs.default(600_000),
  minRequests: z.int().min(1).default(200),
  needsApproval: z.boolean().default(false),
})

/** How long the new variant carries everything, with the old one warm, before the rollout ends. */
const finalBakeMs = durationMs.default(300_000)

export const strategy = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('all-at-once'), finalBakeMs }),
  z.strictObject({
    kind: z.literal('canary'),
    shadowFirst: shadowStep.nullable().default(null),
    steps: z
      .array(canaryStep)
      .min(1)
      .max(50)
      .refine(
        (steps) =>
          steps.every((s, i) => i === 0 || s.weightPercent > (steps[i - 1]?.weightPercent ?? 0)),
        {
          error: 'every step must carry more weight than the one before it',
        }
      ),
    finalBakeMs,
  }),
  z.strictObject({
    kind: z.literal('linear'),
    stepPercent: z.number().min(1).max(50),
    everyMs: durationMs.default(600_000),
    minRequests: z.int().min(1).default(100),
    finalBakeMs,
  }),
  z.strictObject({
    kind: z.literal('blue-green'),
    /** How long the new variant can be tried by name (`x-trestle-variant`) before it gets the traffic. */
    previewMs: durationMs.default(0),
    /** A person has to approve the switch. */
    needsApproval: z.boolean().default(false),
    finalBakeMs: durationMs.default(900_000),
  }),
  z.strictObject({
    kind: z.literal('shadow'),
    ...shadowStep.shape,
    /** What a pass leads to: `finish` ends with the verdict and leaves the traffic as it is. */
    onPass: z.enum(['finish', 'promote']).default('finish'),
    finalBakeMs,
  }),
  /** `safe`: shadow, then 1, 5, 25 and 50 percent. `fast`: 10 and 50 percent. */
  z.strictObject({ kind: z.literal('preset'), preset: z.enum(['safe', 'fast']) }),
])
export type RolloutStrategy = z.output<typeof strategy>
export type RolloutStrategyInput = z.input<typeof strategy>

export const gateMetric = z.enum([
  'error-rate',
  'timeout-rate',
  'latency-p50',
  'latency-p95',
  'latency-p99',
  'nan-outputs',
  'prediction-distribution',
  'agreement',
  'label-quality',
  'cost',
  'sample-ratio',
  'input-drift',
])
export type GateMetric = z.infer<typeof gateMetric>

/** A condition on the new variant. What is left out is filled with the metric's default. */
export const gate = z.strictObject({
  metric: gateMetric,
  /**
   * How much worse than the old variant is still acceptable: a difference of shares for rates (0.01 is one point), a ratio for latency and cost
   * (0.25 is a quarter more), a loss difference for label quality, a Kolmogorov-Smirnov distance for the prediction distribution, the share of
   * disagreeing pairs for agreement, the deviation of the share for the sample ratio. Input drift takes its thresholds from the monitors.
   */
  margin: z.number().min(0).exactOptional(),
  /** Highest acceptable value whatever the old variant does. The only condition that can be judged when the new variant carries everything. */
  max: z.number().min(0).exactOptional(),
  /** Latency only: differences below this many milliseconds are never harm. */
  floorMs: z.number().min(0).exactOptional(),
  /** A failing critical gate rolls back at once; another one after `failureLimit` looks in a row. */
  isCritical: z.boolean().exactOptional(),
  /** Fewest samples of each arm before a pass. */
  minSamples: z.int().min(1).exactOptional(),
})
export type GateInput = z.infer<typeof gate>

export const resolvedGate = z.object({
  metric: gateMetric,
  margin: z.number(),
  max: z.number().nullable(),
  floorMs: z.number(),
  isCritical: z.boolean(),
  minSamples: z.int(),
})
export type Gate = z.infer<typeof resolvedGate>
