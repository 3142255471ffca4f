import { requireOption } from '../outcome.ts'
import type { TestOutcome } from '../outcome.ts'
import { cleanPair } from '../samples.ts'
import type { Numbers } from '../samples.ts'
import { kolmogorovOneSampleSf } from '../special/kolmogorov.ts'

export type KsOptions = {
  /** 'auto' is exact up to n * m = 1,000,000 (a few milliseconds), asymptotic above. */
  readonly method?: 'auto' | 'exact' | 'asymptotic'
}

const EXACT_UP_TO = 1_000_000

/**
 * Two-sample Kolmogorov-Smirnov test, two-sided. The exact p-value assumes continuous data; with ties it is
 * conservative (too large), never too small. Infinite values rank as the extremes they are; NaN is dropped.
 */
export function kolmogorovSmirnov(x: Numbers, y: Numbers, options: KsOptions = {}): TestOutcome {
  const pair = cleanPair(x, y, 'rank')
  if (pair.kind === 'undefined') return pair
  const gap = largestGap(pair.x.sort(), pair.y.sort())
  return ksFromGap(gap, pair.x.length, pair.y.length, options)
}

/** p-value of a Kolmogorov-Smirnov distance that was found elsewhere, such as between two sketches. */
export function kolmogorovSmirnovPValue(statistic: number, n: number, m: number): number {
  requireOption(n >= 1 && m >= 1, 'sample sizes must be at least 1')
  return kolmogorovOneSampleSf(statistic, effectiveSize(n, m))
}

function ksFromGap(gap: number, n: number, m: number, options: KsOptions): TestOutcome {
  const statistic = gap / (n * m)
  const method = options.method ?? 'auto'
  const exact = method === 'exact' || (method === 'auto' && n * m <= EXACT_UP_TO)
  const pValue = exact ? exactPValue(gap, n, m) : kolmogorovSmirnovPValue(statistic, n, m)
  return { kind: 'ok', statistic, pValue }
}

function effectiveSize(n: number, m: number): number {
  return Math.max(1, Math.round((n * m) / (n + m)))
}

/** max |F_x - F_y| * n * m over ascending samples: an integer, so comparisons with it are exact. */
function largestGap(x: Float64Array, y: Float64Array): number {
  const n = x.length
  const m = y.length
  let i = 0
  let j = 0
  let largest = 0
  while (i < n && j < m) {
    const at = Math.min(x[i]!, y[j]!)
    while (i < n && x[i]! <= at) i++
    while (j < m && y[j]! <= at) j++
    largest = Math.max(largest, Math.abs(i * m - j * n))
  }
  return largest
}

/**
 * P(gap >= observed) under random interleaving. Walks the lattice of (values of x, values of y) seen so far and
 * keeps the probability that a path to each point has already left the band; adding probabilities of leaving,
 * rather than subtracting those of staying, keeps tiny p-values exact (Viehmann 2021, arXiv 2102.08037).
 */
function exactPValue(gap: number, n: number, m: number): number {
  if (gap === 0) return 1
  const row = new Float64Array(m + 1)
  for (let j = 0; j <= m; j++) row[j] = j * n >= gap ? 1 : 0
  for (let i = 1; i <= n; i++) {
    row[0] = i * m >= gap ? 1 : 0
    for (let j = 1; j <= m; j++) {
      const outside = Math.abs(i * m - j * n) >= gap
      row[j] = outside ? 1 : (i * row[j]! + j * row[j - 1]!) / (i + j)
    }
  }
  return Math.min(1, row[m]!)
}
