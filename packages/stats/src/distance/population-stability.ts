import type { Outcome } from '../outcome.ts'
import { requireOption, undefinedBecause } from '../outcome.ts'
import { isCount, sumOf } from '../categorical/contingency.ts'
import type { Counts } from '../categorical/contingency.ts'
import type { Numbers } from '../samples.ts'
import { countBins, quantileBins } from './bins.ts'

export type PsiOptions = {
  /** How an empty bin gets mass: a floor under each share, or `add` pseudo-counts in every used bin. */
  readonly empty?: { readonly floor: number } | { readonly add: number }
}

export type PsiOutcome = Outcome<{
  value: number
  /** value minus what sampling alone produces, at least 0: compare this one with a threshold. */
  corrected: number
  /** (B - 1)(1/n + 1/m) over the B bins in use: the mean of `value` without any drift. */
  expectedWithoutDrift: number
}>

/** Population stability index of two histograms over the same bins: sum of (p - q) ln(p / q). */
export function psiOfCounts(
  reference: Counts,
  current: Counts,
  options: PsiOptions = {}
): PsiOutcome {
  const empty = options.empty ?? { add: 0.5 }
  requireOption(
    'floor' in empty ? empty.floor > 0 : empty.add > 0,
    'the mass of an empty bin must be positive'
  )
  if (reference.length !== current.length) return undefinedBecause('length-mismatch')
  if (!reference.every(isCount) || !current.every(isCount)) return undefinedBecause('invalid-count')
  const n = sumOf(reference)
  const m = sumOf(current)
  if (n === 0 || m === 0) return undefinedBecause('empty-sample')
  const used = reference.flatMap((count, i) => (count + current[i]! > 0 ? [i] : []))
  const share = (count: number, total: number) =>
    'floor' in empty
      ? Math.max(count / total, empty.floor)
      : (count + empty.add) / (total + empty.add * used.length)
  let value = 0
  for (const i of used) {
    const p = share(reference[i]!, n)
    const q = share(current[i]!, m)
    value += (p - q) * Math.log(p / q)
  }
  const expectedWithoutDrift = (used.length - 1) * (1 / n + 1 / m)
  return {
    kind: 'ok',
    value,
    corrected: Math.max(0, value - expectedWithoutDrift),
    expectedWithoutDrift,
  }
}

/** PSI of two samples over the reference's quantile bins, with bins for both outsides and for missing values. */
export function populationStability(
  reference: Numbers,
  current: Numbers,
  options: PsiOptions & { readonly bins?: number } = {}
): PsiOutcome {
  const bins = quantileBins(reference, options.bins ?? 10)
  const ref = countBins(reference, bins)
  const cur = countBins(current, bins)
  return psiOfCounts([...ref.counts, ref.missing], [...cur.counts, cur.missing], options)
}
