import type { RolloutStrategy } from '@trestle/contract'

/** A stretch of a rollout with one traffic: what the new variant gets, and what has to pass before the next stretch. */
export type Stage = Readonly<{
  kind: 'shadow' | 'preview' | 'canary' | 'baking'
  /** Of live requests, 0 to 10,000. */
  basisPoints: number
  /** Of requests that are copied, 0 to 1. */
  shadowShare: number
  bakeMs: number
  minRequests: number
  needsApproval: boolean
}>

/** Every strategy comes down to stages in order. A plan that promotes ends with `baking`: the new variant carries everything, the old one is warm. */
export type Plan = Readonly<{ stages: readonly Stage[]; onPass: 'promote' | 'finish' }>

const MINUTE = 60_000

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
    case 'blue-green':
      return promoting(
        [
          {
            kind: 'preview',
            basisPoints: 0,
            shadowShare: 0,
            bakeMs: strategy.previewMs,
            minRequests: 0,
            needsApproval: strategy.needsApproval,
          },
        ],
        strategy.finalBakeMs
      )
    case 'shadow':
      return strategy.onPass === 'finish'
        ? { stages: [shadow(strategy)], onPass: 'finish' }
        : promoting([shadow(strategy)], strategy.finalBakeMs)
    case 'preset':
      return PRESETS[strategy.preset]
  }
}

const shadow = (step: {
  share: number
  bakeMs: number
  minRequests: number
  needsApproval: boolean
}): Stage => ({
  kind: 'shadow',
  basisPoints: 0,
  shadowShare: step.share,
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
  kind: 'canary',
  // At least one bucket: a weight that rounds to nothing would wait for requests that never come.
  basisPoints: Math.min(9_999, Math.max(1, Math.round(step.weightPercent * 100))),
  shadowShare: 0,
  bakeMs: step.bakeMs,
  minRequests: step.minRequests,
  needsApproval: step.needsApproval ?? false,
})

const promoting = (stages: readonly Stage[], bakeMs: number): Plan => ({
  stages: [
    ...stages,
    {
      kind: 'baking',
      basisPoints: 10_000,
      shadowShare: 0,
      bakeMs,
      minRequests: 0,
      needsApproval: false,
    },
  ],
  onPass: 'promote',
})

function linearPercents(step: number): number[] {
  const percents: number[] = []
  for (let percent = step; percent < 100; percent += step) percents.push(percent)
  return percents
}

const PRESETS: Readonly<Record<'safe' | 'fast', Plan>> = {
  safe: promoting(
    [
      shadow({ share: 1, bakeMs: 10 * MINUTE, minRequests: 500, needsApproval: false }),
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
