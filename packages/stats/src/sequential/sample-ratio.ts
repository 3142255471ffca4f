import { requireOption, undefinedBecause } from '../outcome.ts'
import type { Outcome } from '../outcome.ts'
import { isCount, sumOf } from '../categorical/contingency.ts'
import { logGamma } from '../special/gamma.ts'

/**
 * Sequential sample-ratio check: is traffic really split as asked? Compares a Dirichlet-multinomial model with the
 * fixed split; the running minimum of 1 / Bayes factor is a p-value that stays valid however often one looks
 * (Lindon and Malek, "Anytime-valid inference for multinomial count data", arXiv 2011.03567).
 */

export type SampleRatioState = {
  readonly version: 1
  readonly expected: readonly number[]
  readonly concentration: number
  readonly counts: readonly number[]
  readonly pValue: number
}

export type SampleRatioOutcome = Outcome<{
  logBayesFactor: number
  pValue: number
  state: SampleRatioState
}>

/** Starts a check. `expected` are shares or weights; a higher `concentration` looks for smaller deviations. */
export function startSampleRatio(
  expected: readonly number[],
  concentration = 10_000
): SampleRatioState {
  const total = sumOf(expected)
  requireOption(
    expected.length >= 2 && expected.every((share) => isCount(share) && share > 0),
    'shares must be positive'
  )
  requireOption(concentration > 0, 'concentration must be positive')
  return {
    version: 1,
    expected: expected.map((share) => share / total),
    concentration,
    counts: expected.map(() => 0),
    pValue: 1,
  }
}

/** Adds the counts that arrived since the last look and tests again. The state is plain JSON. */
export function updateSampleRatio(
  state: SampleRatioState,
  arrived: readonly number[]
): SampleRatioOutcome {
  if (arrived.length !== state.counts.length) return undefinedBecause('length-mismatch')
  if (!arrived.every(isCount)) return undefinedBecause('invalid-count')
  const counts = state.counts.map((count, i) => count + arrived[i]!)
  const total = sumOf(counts)
  // One-step predictive factors multiply to this closed form, so only totals need keeping.
  let logBayesFactor = logGamma(state.concentration) - logGamma(state.concentration + total)
  for (const [i, count] of counts.entries()) {
    const share = state.expected[i]!
    const alpha = share * state.concentration
    logBayesFactor += logGamma(alpha + count) - logGamma(alpha) - count * Math.log(share)
  }
  const pValue = Math.min(state.pValue, Math.exp(-logBayesFactor))
  return { kind: 'ok', logBayesFactor, pValue, state: { ...state, counts, pValue } }
}
