import type { Alternative, Outcome } from '../outcome.ts'
import { undefinedBecause } from '../outcome.ts'
import { cleanPair, midranks } from '../samples.ts'
import type { Numbers } from '../samples.ts'
import { normalSf } from '../special/normal.ts'

export type MannWhitneyOptions = {
  /** 'greater': x tends to be larger than y. */
  readonly alternative?: Alternative
  /** 'auto' is exact without ties when the smaller sample has at most 8 values. */
  readonly method?: 'auto' | 'exact' | 'asymptotic'
}

export type MannWhitneyOutcome = Outcome<{
  /** U of x: the number of pairs with x > y, ties counting half. */
  statistic: number
  pValue: number
  /** P(x > y) + P(x = y) / 2: 0.5 means no difference (common-language effect size). */
  effect: number
}>

/** Mann-Whitney U test; the normal approximation carries tie and continuity corrections. */
export function mannWhitney(
  x: Numbers,
  y: Numbers,
  options: MannWhitneyOptions = {}
): MannWhitneyOutcome {
  const pair = cleanPair(x, y, 'rank')
  if (pair.kind === 'undefined') return pair
  const n = pair.x.length
  const m = pair.y.length
  const pooled = new Float64Array(n + m)
  pooled.set(pair.x)
  pooled.set(pair.y, n)
  const { ranks, tieTerm } = midranks(pooled)
  let rankSum = 0
  for (let i = 0; i < n; i++) rankSum += ranks[i]!
  const statistic = rankSum - (n * (n + 1)) / 2
  const total = n + m
  const variance = ((n * m) / 12) * (total + 1 - tieTerm / (total * (total - 1)))
  if (!(variance > 0)) return undefinedBecause(total < 3 ? 'too-few-values' : 'no-variation')
  const method = options.method ?? 'auto'
  const exact = tieTerm === 0 && (method === 'exact' || (method === 'auto' && Math.min(n, m) <= 8))
  const upperTail = exact
    ? exactUpperTail(n, m)
    : (u: number) => normalSf((u - (n * m) / 2 - 0.5) / Math.sqrt(variance))
  const pValue = pValueFor(options.alternative ?? 'two-sided', statistic, n * m, upperTail)
  return { kind: 'ok', statistic, pValue, effect: statistic / (n * m) }
}

function pValueFor(
  alternative: Alternative,
  u: number,
  pairs: number,
  upperTail: (u: number) => number
): number {
  switch (alternative) {
    case 'greater':
      return upperTail(u)
    case 'less':
      return upperTail(pairs - u)
    case 'two-sided':
      return Math.min(1, 2 * upperTail(Math.max(u, pairs - u)))
  }
}

/** P(U >= u) from the counts of partitions: f(n, m, u) = f(n-1, m, u-m) + f(n, m-1, u) (Mann and Whitney 1947). */
function exactUpperTail(n: number, m: number): (u: number) => number {
  const small = Math.min(n, m)
  const large = Math.max(n, m)
  // The Gaussian binomial as a product of (1 - q^(large+i)) / (1 - q^i), with coefficients as probabilities.
  let counts = new Float64Array(small * large + 1)
  counts[0] = 1
  for (let i = 1; i <= small; i++) {
    const next = counts.slice()
    for (let u = next.length - 1; u >= large + i; u--) next[u] = next[u]! - next[u - large - i]!
    for (let u = i; u < next.length; u++) next[u] = next[u]! + next[u - i]!
    counts = next
  }
  let total = 0
  for (const count of counts) total += count
  return (u) => {
    let tail = 0
    for (let at = Math.ceil(u); at < counts.length; at++) tail += counts[at]!
    return tail / total
  }
}
