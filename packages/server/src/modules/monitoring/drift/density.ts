import type { Density } from '@trestle/contract'

const BINS = 30
/** Beyond these quantiles of either side, values share the outermost bin: one outlier must not squeeze all else into one bar. */
const TAIL = 0.005

/** Both samples, ascending, as shares of bins of equal width, to be drawn over each other; null where there is nothing to draw. */
export function densityOf(reference: Float64Array, current: Float64Array): Density | null {
  const sides = [reference, current].map(withoutInfinities)
  const filled = sides.filter((side) => side.length > 0)
  if (filled.length === 0) return null
  const at = (side: Float64Array, q: number) => side[Math.floor(q * (side.length - 1))] ?? 0
  const from = Math.min(...filled.map((side) => at(side, TAIL)))
  const to = Math.max(...filled.map((side) => at(side, 1 - TAIL)))
  if (!Number.isFinite(to - from)) return null
  const [low, high] = from === to ? [from - 0.5, to + 0.5] : [from, to]
  const [known = [], found = []] = sides.map((side) => sharesOf(side, low, high))
  return { from: low, to: high, reference: known, current: found }
}

function sharesOf(side: Float64Array, from: number, to: number): number[] {
  const counts = new Array<number>(BINS).fill(0)
  for (const value of side) {
    const place = Math.floor(((value - from) / (to - from)) * BINS)
    const bin = Math.min(BINS - 1, Math.max(0, place))
    counts[bin] = (counts[bin] ?? 0) + 1
  }
  return counts.map((count) => Math.round((1e5 * count) / (side.length || 1)) / 1e5)
}

function withoutInfinities(ascending: Float64Array): Float64Array {
  let [from, to] = [0, ascending.length]
  while (from < to && (ascending[from] ?? 0) <= -Number.MAX_VALUE) from++
  while (to > from && (ascending[to - 1] ?? 0) >= Number.MAX_VALUE) to--
  return ascending.subarray(from, to)
}
