import type { Outcome } from '../outcome.ts'
import { undefinedBecause } from '../outcome.ts'
import { chi2Sf } from '../special/distributions.ts'
import { isCount, sumOf } from './contingency.ts'
import type { Counts } from './contingency.ts'

/**
 * Pearson's goodness of fit of counts to fixed shares. Only for shares known exactly (a contract, a split): a sampled
 * reference belongs in `chiSquareContingency`. A category that was to have no share at all has no answer.
 */
export function goodnessOfFit(
  observed: Counts,
  expected: Counts
): Outcome<{ statistic: number; pValue: number; degrees: number }> {
  if (observed.length !== expected.length) return undefinedBecause('length-mismatch')
  if (![...observed, ...expected].every(isCount)) return undefinedBecause('invalid-count')
  const total = sumOf(observed)
  const scale = total / sumOf(expected)
  if (total === 0 || !Number.isFinite(scale)) return undefinedBecause('empty-sample')
  const used = observed.flatMap((count, i) => (count + expected[i]! > 0 ? [i] : []))
  if (used.some((i) => expected[i] === 0)) return undefinedBecause('zero-expected')
  if (used.length < 2) return undefinedBecause('single-category')
  const statistic = used.reduce(
    (sum, i) => sum + (observed[i]! - expected[i]! * scale) ** 2 / (expected[i]! * scale),
    0
  )
  const degrees = used.length - 1
  return { kind: 'ok', statistic, pValue: chi2Sf(statistic, degrees), degrees }
}
