import type { Measure } from '../outcome.ts'
import { undefinedBecause } from '../outcome.ts'
import { isCount, sumOf } from '../categorical/contingency.ts'
import type { Counts } from '../categorical/contingency.ts'

/**
 * Distances between two histograms over the same bins, given as counts or as unnormalised weights. All but
 * Kullback-Leibler are symmetric and bounded by 1 (Jensen-Shannon: base 2).
 */

export type LogBase = 'e' | '2'

/** Square root of the Jensen-Shannon divergence: a metric. */
export function jensenShannonDistance(p: Counts, q: Counts, base: LogBase = '2'): Measure {
  return compare(p, q, (cells) => {
    let divergence = 0
    for (const [a, b] of cells)
      divergence += (relative(a, (a + b) / 2) + relative(b, (a + b) / 2)) / 2
    return Math.sqrt(Math.max(0, base === '2' ? divergence / Math.LN2 : divergence))
  })
}

/** Kullback-Leibler divergence D(p || q) in nats; Infinity where q has no mass and p does. */
export function kullbackLeibler(p: Counts, q: Counts): Measure {
  return compare(p, q, (cells) => cells.reduce((sum, [a, b]) => sum + relative(a, b), 0))
}

export function hellingerDistance(p: Counts, q: Counts): Measure {
  return compare(p, q, (cells) => {
    const squares = cells.reduce((sum, [a, b]) => sum + (Math.sqrt(a) - Math.sqrt(b)) ** 2, 0)
    return Math.sqrt(squares / 2)
  })
}

/** Half the L1 distance: the largest difference in probability over all events. */
export function totalVariation(p: Counts, q: Counts): Measure {
  return compare(p, q, (cells) => cells.reduce((sum, [a, b]) => sum + Math.abs(a - b), 0) / 2)
}

/** The largest difference in probability of one category. */
export function lInfinity(p: Counts, q: Counts): Measure {
  return compare(p, q, (cells) =>
    cells.reduce((most, [a, b]) => Math.max(most, Math.abs(a - b)), 0)
  )
}

function relative(a: number, b: number): number {
  return a === 0 ? 0 : a * Math.log(a / b)
}

function compare(p: Counts, q: Counts, measure: (cells: [number, number][]) => number): Measure {
  if (p.length !== q.length) return undefinedBecause('length-mismatch')
  if (!p.every(isCount) || !q.every(isCount)) return undefinedBecause('invalid-count')
  const pSum = sumOf(p)
  const qSum = sumOf(q)
  if (pSum === 0 || qSum === 0) return undefinedBecause('empty-sample')
  return { kind: 'ok', value: measure(p.map((a, i) => [a / pSum, q[i]! / qSum])) }
}
