import type { TestOutcome } from '../outcome.ts'
import { undefinedBecause } from '../outcome.ts'
import { mean, midranks } from '../samples.ts'
import type { Numbers } from '../samples.ts'
import { studentTSf } from '../special/distributions.ts'

/** Spearman's rank correlation of pairs, with the t approximation. A pair with a NaN is left out. */
export function spearman(x: Numbers, y: Numbers): TestOutcome {
  if (x.length !== y.length) return undefinedBecause('length-mismatch')
  const kept = Array.from({ length: x.length }, (_, i) => i).filter(
    (i) => !Number.isNaN(x[i]!) && !Number.isNaN(y[i]!)
  )
  if (kept.length === 0) return undefinedBecause('empty-sample')
  if (kept.length < 3) return undefinedBecause('too-few-values')
  const [a, b] = [x, y].map((values) => midranks(kept.map((i) => values[i]!)).ranks)
  const centre = mean(a!)
  let cross = 0
  let squaresA = 0
  let squaresB = 0
  for (let i = 0; i < kept.length; i++) {
    cross += (a![i]! - centre) * (b![i]! - centre)
    squaresA += (a![i]! - centre) ** 2
    squaresB += (b![i]! - centre) ** 2
  }
  if (squaresA === 0 || squaresB === 0) return undefinedBecause('no-variation')
  const statistic = cross / Math.sqrt(squaresA * squaresB)
  const degrees = kept.length - 2
  const t = Math.abs(statistic) * Math.sqrt(degrees / Math.max(0, 1 - statistic ** 2))
  return { kind: 'ok', statistic, pValue: Math.min(1, 2 * studentTSf(t, degrees)) }
}
