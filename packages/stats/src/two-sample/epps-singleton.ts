import type { TestOutcome } from '../outcome.ts'
import { undefinedBecause } from '../outcome.ts'
import { cleanPair, mean, quantileOfSorted } from '../samples.ts'
import type { Numbers } from '../samples.ts'
import { chi2Sf } from '../special/distributions.ts'
import { symmetricEigen } from './symmetric-eigen.ts'

const FREQUENCIES = [0.4, 0.8]

/** Epps-Singleton test on characteristic functions (1986; Goerg and Kaiser 2009): fit for discrete data too. */
export function eppsSingleton(x: Numbers, y: Numbers): TestOutcome {
  const pair = cleanPair(x, y, 'refuse', 5)
  if (pair.kind === 'undefined') return pair
  const n = pair.x.length
  const m = pair.y.length
  const total = n + m
  const pooled = new Float64Array(total)
  pooled.set(pair.x)
  pooled.set(pair.y, n)
  pooled.sort()
  const scale = (quantileOfSorted(pooled, 0.75) - quantileOfSorted(pooled, 0.25)) / 2
  if (!(scale > 0)) return undefinedBecause('no-variation')
  const waves = (values: Float64Array) => [
    ...FREQUENCIES.map((t) => values.map((value) => Math.cos((t / scale) * value))),
    ...FREQUENCIES.map((t) => values.map((value) => Math.sin((t / scale) * value))),
  ]
  const left = waves(pair.x)
  const right = waves(pair.y)
  const covariance = left.map((_, i) =>
    left.map(
      (_, j) =>
        (total / n) * covary(left[i]!, left[j]!) + (total / m) * covary(right[i]!, right[j]!)
    )
  )
  const gap = left.map((wave, i) => mean(wave) - mean(right[i]!))
  // Quadratic form in the pseudo-inverse: directions without variance carry no evidence and no degree of freedom.
  const { values, vectors } = symmetricEigen(covariance)
  const cutoff = 1e-15 * Math.max(...values.map(Math.abs))
  let statistic = 0
  let rank = 0
  for (const [k, value] of values.entries()) {
    if (value <= cutoff) continue
    rank++
    statistic += (total * gap.reduce((sum, g, i) => sum + g * vectors[i]![k]!, 0) ** 2) / value
  }
  if (rank === 0) return undefinedBecause('no-variation')
  if (Math.max(n, m) < 25) statistic *= 1 / (1 + total ** -0.45 + 10.1 * (n ** -1.7 + m ** -1.7))
  return { kind: 'ok', statistic, pValue: chi2Sf(statistic, rank) }
}

function covary(a: Float64Array, b: Float64Array): number {
  const meanA = mean(a)
  const meanB = mean(b)
  return a.reduce((sum, value, i) => sum + (value - meanA) * (b[i]! - meanB), 0) / a.length
}
