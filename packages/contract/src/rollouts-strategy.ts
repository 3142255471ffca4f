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
  /** Most that the copies of one day (UTC) may cost, by the rate cards; what is above is dropped and counted. Null: no cap. */
  dailyCapUsd: z.number().gt(0).max(1e9).nullable().default(null),
  bakeMs: durationMs.default(600_000),
  minRequests: z.int().min(1).default(200),
  needsApproval: z.boolean().default(false),
})

/** What decides a fixed or an adaptive split: the new variant has to be better by more than `minGain`, with certainty. */
const goal = z.discriminatedUnion('kind', [
  /** The loss on labels, which may come late. */
  z.strictObject({ kind: z.literal('labels'), minGain: z.number().min(0).default(0) }),
  /** The mean of a metric pushed to `/api/business-metrics`. */
  z.strictObject({
    kind: z.literal('business-metric'),
    name: z.string().min(1).max(120),
    higherIsBetter: z.boolean().default(true),
    minGain: z.number().min(0).default(0),
  }),
])
export type RolloutGoal = z.output<typeof goal>

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
  /** A fixed split until the evidence names a winner; at the deadline without one, the old variant keeps its traffic. */
  z.strictObject({
    kind: z.literal('ab-test'),
    weightPercent: z.number().gt(0).lt(100).default(50),
    goal,
    minDurationMs: durationMs.default(3_600_000),
    minRequests: z.int().min(1).default(1_000),
    /** What a win leads to: `finish` ends with the verdict and leaves the traffic as it was. */
    onWin: z.enum(['promote', 'finish']).default('promote'),
    finalBakeMs,
  }),
  /** A split that follows the evidence (Thompson sampling): the new variant gets the share that its chance of being the better one is. */
  z.strictObject({
    kind: z.literal('bandit'),
    goal,
    startPercent: z.number().gt(0).lt(100).default(10),
    /** Neither variant ever gets less than this, so that both can still be measured. */
    minPercent: z.number().gt(0).max(50).default(5),
    adjustEveryMs: durationMs.default(60_000),
    minDurationMs: durationMs.default(3_600_000),
    minRequests: z.int().min(1).default(1_000),
    onWin: z.enum(['promote', 'finish']).default('promote'),
    finalBakeMs,
  }),
  /** `safe`: shadow, then 1, 5, 25 and 50 percent. `fast`: 10 and 50 percent. */
  z.strictObject({ kind: z.literal('preset'), preset: z.enum(['safe', 'fast']) }),
])
export type RolloutStrategy = z.output<typeof strategy>
export type RolloutStrategyInput = z.input<typeof strategy>
