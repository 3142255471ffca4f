import type { TestOutcome } from '../outcome.ts'
import { undefinedBecause } from '../outcome.ts'
import { betaI } from '../special/incomplete-beta.ts'
import { isCount } from './contingency.ts'

/**
 * McNemar's exact test for paired yes/no outcomes, such as two models judged on the same requests: `onlyFirst` pairs
 * where just the first was right, `onlySecond` where just the second was. The statistic is (b - c)^2 / (b + c), the
 * p-value the two-sided binomial one. No disagreement at all is evidence of no difference: p = 1.
 */
export function mcNemar(onlyFirst: number, onlySecond: number): TestOutcome {
  if (!isCount(onlyFirst) || !isCount(onlySecond)) return undefinedBecause('invalid-count')
  const total = onlyFirst + onlySecond
  if (total === 0) return { kind: 'ok', statistic: 0, pValue: 1 }
  const statistic = (onlyFirst - onlySecond) ** 2 / total
  const fewer = Math.min(onlyFirst, onlySecond)
  // P(Binomial(n, 1/2) <= k) = I_{1/2}(n - k, k + 1): incomplete beta needs no factorials, however many pairs.
  const pValue = Math.min(1, 2 * betaI(total - fewer, fewer + 1, 0.5))
  return { kind: 'ok', statistic, pValue }
}
