import { logChoose } from '@trestle/stats'

/**
 * How likely it is without any drift that so many of `values` new values lie beyond the extremes of `count` earlier ones: the exact exceedance
 * distribution (Gumbel and von Schelling 1950), for each side, the smaller of both doubled. Ties only make it larger.
 */
export function rangePValue(
  reference: { count: number },
  current: { values: number; below: number; above: number }
): number {
  const side = (beyond: number): number => {
    let log = 0
    for (let i = 0; i < beyond; i++)
      log += Math.log((current.values - i) / (reference.count + current.values - i))
    return Math.exp(log)
  }
  return Math.min(1, 2 * Math.min(side(current.below), side(current.above)))
}

/**
 * How likely it is without any drift that so many current values are in categories that only they have: which values are the current ones is then
 * chance alone. A category that is there c times falls wholly on their side with a chance that shrinks like c-th powers, so rare categories are
 * expected to and frequent ones never are. Chernoff's bound over all categories (they hinder each other, which keeps it a bound): never too small.
 */
export function newCategoriesPValue(
  counts: readonly { reference: number; current: number }[]
): number {
  const n = sumOf(counts, (count) => count.reference)
  const m = sumOf(counts, (count) => count.current)
  const fresh = sumOf(counts, (count) => (count.reference === 0 ? count.current : 0))
  if (fresh === 0) return 1
  const sizes = new Map<number, number>()
  for (const { reference, current } of counts) {
    const size = reference + current
    sizes.set(size, (sizes.get(size) ?? 0) + 1)
  }
  const groups = [...sizes].map(([size, many]) => ({
    size,
    many,
    logChance: size > m ? -Infinity : logChoose(m, size) - logChoose(n + m, size),
  }))
  const bound = (t: number): number =>
    sumOf(groups, ({ size, many, logChance }) => many * logOnePlusExp(logChance + t * size)) -
    t * fresh
  return Math.min(1, Math.exp(least(bound)))
}

const logOnePlusExp = (x: number): number => Math.max(0, x) + Math.log1p(Math.exp(-Math.abs(x)))

/** The least value of a convex function of t > 0, searched over its logarithm. */
function least(of: (t: number) => number): number {
  let [low, high] = [-12, 6]
  for (let i = 0; i < 60; i++) {
    const third = (high - low) / 3
    if (of(Math.exp(low + third)) < of(Math.exp(high - third))) high -= third
    else low += third
  }
  return of(Math.exp((low + high) / 2))
}

const sumOf = <T>(items: readonly T[], of: (item: T) => number): number =>
  items.reduce((sum, item) => sum + of(item), 0)
