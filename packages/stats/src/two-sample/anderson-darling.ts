import type { Outcome } from '../outcome.ts'
import { undefinedBecause } from '../outcome.ts'
import { countBelow, sorted } from '../samples.ts'
import type { Numbers } from '../samples.ts'

export type AndersonDarlingOutcome = Outcome<{
  statistic: number
  pValue: number
  /** The published table spans 0.001..0.25: outside it the p-value is only a bound. */
  bound: 'none' | 'at-least' | 'at-most'
}>

// Scholz and Stephens 1987, table 2: critical value = b0 + b1 / sqrt(m) + b2 / m for m = k - 1 samples.
const LEVELS = [0.25, 0.1, 0.05, 0.025, 0.01, 0.005, 0.001]
const B0 = [0.675, 1.281, 1.645, 1.96, 2.326, 2.573, 3.085]
const B1 = [-0.245, 0.25, 0.678, 1.149, 1.822, 2.364, 3.615]
const B2 = [-0.105, -0.305, -0.362, -0.391, -0.396, -0.345, -0.154]

/** k-sample Anderson-Darling test with midranks (Scholz and Stephens 1987, JASA 82, eq. 7): sensitive in the tails. */
export function andersonDarling(samples: readonly Numbers[]): AndersonDarlingOutcome {
  const groups = samples.map(sorted)
  if (groups.length < 2 || groups.some((group) => group.length === 0))
    return undefinedBecause('empty-sample')
  const pooled = sorted(groups.flatMap((group) => [...group]))
  const total = pooled.length
  if (total < 4) return undefinedBecause('too-few-values')
  const distinct = pooled.filter((value, i) => i === 0 || value !== pooled[i - 1])
  if (distinct.length < 2) return undefinedBecause('no-variation')
  let raw = 0
  for (const group of groups) {
    let inner = 0
    for (const at of distinct) {
      const left = countBelow(pooled, at, 'left')
      const ties = countBelow(pooled, at, 'right') - left
      const below = left + ties / 2
      const own = (countBelow(group, at, 'left') + countBelow(group, at, 'right')) / 2
      inner +=
        ((ties / total) * (total * own - below * group.length) ** 2) /
        (below * (total - below) - (total * ties) / 4)
    }
    raw += inner / group.length
  }
  const m = groups.length - 1
  const spread = Math.sqrt(
    variance(
      groups.map((group) => group.length),
      total
    )
  )
  const statistic = ((raw * (total - 1)) / total - m) / spread
  return { kind: 'ok', statistic, ...interpolate(statistic, m) }
}

function variance(sizes: readonly number[], total: number): number {
  const k = sizes.length
  const inverse = sizes.reduce((sum, size) => sum + 1 / size, 0)
  let harmonic = 0
  let g = 0
  // h = sum_{i<N} 1/i and g = sum_{i<j<N} 1/((N-i) j), gathered in one sweep (Scholz and Stephens, eq. 4).
  for (let i = total - 1; i > 1; i--) {
    harmonic += 1 / i
    g += harmonic / (total - i + 1)
  }
  const h = harmonic + 1
  const a = (4 * g - 6) * (k - 1) + (10 - 6 * g) * inverse
  const b = (2 * g - 4) * k * k + 8 * h * k + (2 * g - 14 * h - 4) * inverse - 8 * h + 4 * g - 6
  const c = (6 * h + 2 * g - 2) * k * k + (4 * h - 4 * g + 6) * k + (2 * h - 6) * inverse + 4 * h
  const d = (2 * h + 6) * k * k - 4 * h * k
  return (((a * total + b) * total + c) * total + d) / ((total - 1) * (total - 2) * (total - 3))
}

function interpolate(
  statistic: number,
  m: number
): { pValue: number; bound: 'none' | 'at-least' | 'at-most' } {
  const critical = B0.map((b0, i) => b0 + B1[i]! / Math.sqrt(m) + B2[i]! / m)
  if (statistic < critical[0]!) return { pValue: 0.25, bound: 'at-least' }
  if (statistic > critical.at(-1)!) return { pValue: 0.001, bound: 'at-most' }
  return {
    pValue: Math.exp(quadraticFit(critical, LEVELS.map(Math.log), statistic)),
    bound: 'none',
  }
}

/** Value at `at` of the least-squares parabola through the points, by orthogonal polynomials. */
function quadraticFit(xs: readonly number[], ys: readonly number[], at: number): number {
  const n = xs.length
  const sum = (term: (i: number) => number) => xs.reduce((total, _, i) => total + term(i), 0)
  const centre = sum((i) => xs[i]!) / n
  const first = (x: number) => x - centre
  const norm1 = sum((i) => first(xs[i]!) ** 2)
  const skew = sum((i) => first(xs[i]!) ** 3) / norm1
  const second = (x: number) => first(x) ** 2 - skew * first(x) - norm1 / n
  const norm2 = sum((i) => second(xs[i]!) ** 2)
  return (
    sum((i) => ys[i]!) / n +
    (sum((i) => ys[i]! * first(xs[i]!)) / norm1) * first(at) +
    (sum((i) => ys[i]! * second(xs[i]!)) / norm2) * second(at)
  )
}
