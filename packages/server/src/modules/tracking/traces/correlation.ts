/** How strongly two filters go together, as MLflow counts it: normalized pointwise mutual information (Bouma 2009), plain and smoothed. */
export function correlation(counts: {
  first: number
  second: number
  both: number
  total: number
}): object {
  const npmi = npmiOf(counts, 0)
  return {
    ...(Number.isFinite(npmi) ? { npmi } : { npmi: 'NaN' }),
    ...(counts.total === 0 ? {} : { npmi_smoothed: npmiOf(counts, SMOOTHING) }),
    filter1_count: counts.first,
    filter2_count: counts.second,
    joint_count: counts.both,
    total_count: counts.total,
  }
}

const SMOOTHING = 0.5 // Jeffreys' prior, added to each cell of the 2 × 2 table

function npmiOf(
  { first, second, both, total }: Parameters<typeof correlation>[0],
  smoothing: number
): number {
  const n = total + 4 * smoothing
  const joint = both + smoothing
  const a = first + 2 * smoothing
  const b = second + 2 * smoothing
  if (a === 0 || b === 0) return Number.NaN
  if (joint === 0) return -1
  if (joint === n) return 1
  const pmi = Math.log(joint) + Math.log(n) - Math.log(a) - Math.log(b)
  return Math.max(-1, Math.min(1, pmi / -(Math.log(joint) - Math.log(n))))
}
