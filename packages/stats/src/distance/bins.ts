import { requireOption } from '../outcome.ts'
import { countBelow, dropMissing, quantileOfSorted } from '../samples.ts'
import type { Numbers } from '../samples.ts'

/**
 * Bins that a reference fixes once and every later window reuses. `edges` ascend; the first and last bin hold
 * what falls outside the reference's range, and missing values get a bin of their own.
 */
export type Bins = { readonly edges: readonly number[] }

export type BinnedCounts = {
  /** edges.length + 1 counts: under the first edge, between edges (left-closed), above the last. */
  readonly counts: readonly number[]
  readonly missing: number
}

/** Quantile bins of the finite reference values: equal mass each, so that skew and outliers hide nothing.
 * Repeated quantiles (point masses) collapse into one edge. */
export function quantileBins(reference: Numbers, bins = 10): Bins {
  requireOption(Number.isInteger(bins) && bins >= 1, 'bins must be a positive integer')
  const values = dropMissing(reference).filter(Number.isFinite).sort()
  const edges: number[] = []
  for (let i = 0; i <= bins && values.length > 0; i++) {
    const edge = quantileOfSorted(values, i / bins)
    if (edges.length === 0 || edge > edges.at(-1)!) edges.push(edge)
  }
  // A constant reference keeps "below", "equal" and "above" apart through a bin of zero width.
  if (edges.length === 1) edges.push(edges[0]!)
  return { edges }
}

/** Counts values per bin. The range is closed on both ends: the maximum is inside, +-Infinity outside. */
export function countBins(values: Numbers, bins: Bins): BinnedCounts {
  const { edges } = bins
  const counts = new Array<number>(edges.length + 1).fill(0)
  const last = edges.at(-1)
  let missing = 0
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (Number.isNaN(value)) missing++
    else {
      const bin = value === last ? Math.max(1, edges.length - 1) : countBelow(edges, value, 'right')
      counts[bin] = counts[bin]! + 1
    }
  }
  return { counts, missing }
}
