import { undefinedBecause } from './outcome.ts'
import type { Undefined } from './outcome.ts'

export type Numbers = ArrayLike<number>

/** How a test treats +-Infinity: ranks can order it, sums and distances have no meaning with it. */
export type InfinityPolicy = 'rank' | 'refuse'

export type SamplePair = { kind: 'pair'; x: Float64Array; y: Float64Array }

/** Copies `values` without NaN (NaN is "missing" everywhere in this package). */
export function dropMissing(values: Numbers): Float64Array {
  const kept = new Float64Array(values.length)
  let size = 0
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (!Number.isNaN(value)) kept[size++] = value
  }
  return kept.slice(0, size)
}

export function sorted(values: Numbers): Float64Array {
  return dropMissing(values).sort()
}

/** Cleans two samples for a test that needs at least `minimum` values in each. */
export function cleanPair(
  x: Numbers,
  y: Numbers,
  infinity: InfinityPolicy,
  minimum = 1
): SamplePair | Undefined {
  const pair = { x: dropMissing(x), y: dropMissing(y) }
  if (pair.x.length === 0 || pair.y.length === 0) return undefinedBecause('empty-sample')
  if (pair.x.length < minimum || pair.y.length < minimum) return undefinedBecause('too-few-values')
  if (infinity === 'refuse' && !(pair.x.every(Number.isFinite) && pair.y.every(Number.isFinite)))
    return undefinedBecause('infinite-value')
  return { kind: 'pair', ...pair }
}

/** Number of entries of ascending `values` that are <= `at` ('right') or < `at` ('left'). */
export function countBelow(values: Numbers, at: number, side: 'left' | 'right'): number {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const value = values[middle]!
    if (value < at || (side === 'right' && value === at)) low = middle + 1
    else high = middle
  }
  return low
}

/** Linear-interpolation quantile (Hyndman and Fan type 7, numpy's default) of ascending finite values. */
export function quantileOfSorted(values: Numbers, q: number): number {
  if (values.length === 0) return NaN
  const position = q * (values.length - 1)
  const below = Math.floor(position)
  const low = values[below]!
  const high = values[Math.min(below + 1, values.length - 1)]!
  return low === high ? low : low + (high - low) * (position - below)
}

export function mean(values: Numbers): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  return sum / values.length
}

/** Sum of squared deviations from the mean, in two passes so that a large offset costs no digits. */
export function squaredDeviations(values: Numbers, around = mean(values)): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += (values[i]! - around) ** 2
  return sum
}

/** Midranks (1-based, ties share their mean rank) and the tie term sum(t^3 - t). */
export function midranks(values: Numbers): { ranks: Float64Array; tieTerm: number } {
  const order = Uint32Array.from({ length: values.length }, (_, i) => i).sort((a, b) =>
    values[a]! < values[b]! ? -1 : values[a]! > values[b]! ? 1 : 0
  )
  const ranks = new Float64Array(values.length)
  let tieTerm = 0
  for (let start = 0; start < order.length;) {
    let end = start + 1
    while (end < order.length && values[order[end]!] === values[order[start]!]) end++
    for (let i = start; i < end; i++) ranks[order[i]!] = (start + end + 1) / 2
    const tied = end - start
    tieTerm += tied ** 3 - tied
    start = end
  }
  return { ranks, tieTerm }
}
