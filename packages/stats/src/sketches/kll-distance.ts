import type { Outcome } from '../outcome.ts'
import { undefinedBecause } from '../outcome.ts'
import { kolmogorovSmirnovPValue } from '../two-sample/kolmogorov-smirnov.ts'
import { kllRankError } from './kll.ts'
import type { Kll } from './kll.ts'

export type SketchKsOutcome = Outcome<{
  statistic: number
  /** The true distance lies within this of `statistic` (99 % a side); 0 while both sketches hold every value. */
  error: number
  pValue: number
  /** p-values at the two ends of the error: only if both fall on one side of alpha is the verdict safe. */
  smallestPValue: number
  largestPValue: number
}>

/** Kolmogorov-Smirnov test between two sketches, with the sketching error carried into the p-value. */
export function kolmogorovSmirnovOfSketches(x: Kll, y: Kll): SketchKsOutcome {
  const left = x.distribution()
  const right = y.distribution()
  if (left.count === 0 || right.count === 0) return undefinedBecause('empty-sample')
  let statistic = 0
  for (const held of [left.values, right.values])
    for (const at of held) statistic = Math.max(statistic, Math.abs(x.cdf(at) - y.cdf(at)))
  const error = [x, y].reduce((sum, sketch) => sum + sketchError(sketch), 0)
  const p = (distance: number) => kolmogorovSmirnovPValue(distance, left.count, right.count)
  return {
    kind: 'ok',
    statistic,
    error,
    pValue: p(statistic),
    smallestPValue: p(Math.min(1, statistic + error)),
    largestPValue: p(Math.max(0, statistic - error)),
  }
}

function sketchError(sketch: Kll): number {
  const state = sketch.toJSON()
  return state.levels.length === 1 ? 0 : kllRankError(state.k)
}
