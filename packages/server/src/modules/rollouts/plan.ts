import type { GateInput, RolloutGoal, RolloutStrategy } from '@trestle/contract'

/** A stretch of a rollout with one traffic: what the new variant gets, and what has to pass before the next stretch. */
export type Stage = Readonly<{
  kind: 'shadow' | 'preview' | 'canary' | 'ab-test' | 'bandit' | 'baking'
  /** Of live requests, 0 to 10,000; of a bandit, what it begins with. */
  basisPoints: number
  /** Of requests that are copied, 0 to 1. */
  shadowShare: number
  /** Most that the copies of a day may cost; null: no cap. */
  dailyCapUsd: number | null
  bakeMs: number
  minRequests: number
  needsApproval: boolean
  /** How far and how often a bandit may move its share; null for a share that is fixed. */
  moves: Readonly<{ least: number; most: number; everyMs: number }> | null
}>

/** Every strategy comes down to stages in order. A plan that promotes ends with `baking`: the new variant carries everything, the old one is warm. */
export type Plan = Readonly<{
  stages: readonly Stage[]
  onPass: 'promote' | 'finish'
  /** What names the winner of a split; null for strategies that ask only for "not worse". */
  goal: GateInput | null
}>

const MINUTE = 60_000

const STAGE: Stage = {
  kind: 'canary',
  basisPoints: 0,
  shadowShare: 0,
  dailyCapUsd: null,
  bakeMs: 0,
  minRequests: 0,
  needsApproval: false,
  moves: null,
}

export function planOf(strategy: RolloutStrategy): Plan {
  switch (strategy.kind) {
    case 'all-at-once':
      return promoting([], strategy.finalBakeMs)
    case 'canary':
      return promoting(
        [
          ...(strategy.shadowFirst === null ? [] : [shadow(strategy.shadowFirst)]),
          ...strategy.steps.map((step) => canary(step)),
        ],
        strategy.finalBakeMs
      )
    case 'linear':
      return promoting(
        linearPercents(strategy.stepPercent).map((weightPercent) =>
          canary({ weightPercent, bakeMs: strategy.everyMs, minRequests: strategy.minRequests })
        ),
        strategy.finalBakeMs
      )
    case 'blue-green': {
      const { previewMs: bakeMs, needsApproval, finalBakeMs } = strategy
      return promoting([{ ...STAGE, kind: 'preview', bakeMs, needsApproval }], finalBakeMs)
    }
    case 'shadow':
      return strategy.onPass === 'finish'
        ? { stages: [shadow(strategy)], onPass: 'finish', goal: null }
        : promoting([shadow(strategy)], strategy.finalBakeMs)
    case 'ab-test':
    case 'bandit':
      return split(strategy)
    case 'preset':
      return PRESETS[strategy.preset]
  }
}

function split(strategy: Extract<RolloutStrategy, { kind: 'ab-test' | 'bandit' }>): Plan {
  const { kind, minDurationMs, minRequests } = strategy
  const isBandit = kind === 'bandit'
  const stage: Stage = {
    ...STAGE,
    kind,
    basisPoints: basisPointsOf(isBandit ? strategy.startPercent : strategy.weightPercent),
    bakeMs: minDurationMs,
    minRequests,
    moves: isBandit
      ? {
          least: basisPointsOf(strategy.minPercent),
          most: 10_000 - basisPointsOf(strategy.minPercent),
          everyMs: strategy.adjustEveryMs,
        }
      : null,
  }
  const goal = goalGate(strategy.goal)
  return strategy.onWin === 'finish'
    ? { stages: [stage], onPass: 'finish', goal }
    : { ...promoting([stage], strategy.finalBakeMs), goal }
}

/** A margin below nought asks for better. */
const goalGate = (goal: RolloutGoal): GateInput =>
  goal.kind === 'labels'
    ? { metric: 'label-quality', margin: -goal.minGain, isCritical: true }
    : {
        metric: 'business-metric',
        name: goal.name,
        higherIsBetter: goal.higherIsBetter,
        margin: -goal.minGain,
        isCritical: true,
      }

const shadow = (step: {
  share: number
  dailyCapUsd: number | null
  bakeMs: number
  minRequests: number
  needsApproval: boolean
}): Stage => ({
  ...STAGE,
  kind: 'shadow',
  shadowShare: step.share,
  dailyCapUsd: step.dailyCapUsd,
  bakeMs: step.bakeMs,
  minRequests: step.minRequests,
  needsApproval: step.needsApproval,
})

const canary = (step: {
  weightPercent: number
  bakeMs: number
  minRequests: number
  needsApproval?: boolean
}): Stage => ({
  ...STAGE,
  basisPoints: basisPointsOf(step.weightPercent),
  bakeMs: step.bakeMs,
  minRequests: step.minRequests,
  needsApproval: step.needsApproval ?? false,
})

/** At least one bucket: a weight that rounds to nothing would wait for requests that never come. */
const basisPointsOf = (percent: number): number =>
  Math.min(9_999, Math.max(1, Math.round(percent * 100)))

const promoting = (stages: readonly Stage[], bakeMs: number): Plan => ({
  stages: [...stages, { ...STAGE, kind: 'baking', basisPoints: 10_000, bakeMs }],
  onPass: 'promote',
  goal: null,
})

function linearPercents(step: number): number[] {
  const percents: number[] = []
  for (let percent = step; percent < 100; percent += step) percents.push(percent)
  return percents
}

const PRESETS: Readonly<Record<'safe' | 'fast', Plan>> = {
  safe: promoting(
    [
      { ...STAGE, kind: 'shadow', shadowShare: 1, bakeMs: 10 * MINUTE, minRequests: 500 },
      ...[1, 5, 25, 50].map((weightPercent) =>
        canary({ weightPercent, bakeMs: 10 * MINUTE, minRequests: 200 })
      ),
    ],
    15 * MINUTE
  ),
  fast: promoting(
    [10, 50].map((weightPercent) =>
      canary({ weightPercent, bakeMs: 2 * MINUTE, minRequests: 200 })
    ),
    5 * MINUTE
  ),
}
