import {
  chiSquareContingency,
  fisherExact,
  gTest,
  hellingerDistance,
  jensenShannonDistance,
  kullbackLeibler,
  lInfinity,
  psiOfCounts,
  totalVariation,
  twoProportionZ,
  type Outcome,
} from '@trestle/stats'
import type { ComparisonOptions } from '@trestle/contract'

type Counts = readonly number[]
type CategoricalTest = ComparisonOptions['categorical']['test']
type Tester = (reference: Counts, current: Counts) => Outcome<{ pValue: number }>

const pairOf = ([a = 0, b = 0]: Counts): readonly [number, number] => [a, b]

const TESTS: Readonly<Record<CategoricalTest, readonly [title: string, test: Tester]>> = {
  chi2: ['chi-square contingency', (r, c) => chiSquareContingency([r, c])],
  g: ['G contingency', (r, c) => gTest([r, c])],
  fisher: ['Fisher exact', (r, c) => fisherExact([pairOf(r), pairOf(c)])],
  z: ['two-proportion z', (r, c) => twoProportionZ([pairOf(r), pairOf(c)])],
}

/** The p-value of the wished test, and its name; chi-square stands in for a 2 x 2 test on more than two categories. */
export function testCounts(
  wished: CategoricalTest,
  reference: Counts,
  current: Counts
): { test: string; pValue: number | null } {
  const isForTwo = wished === 'fisher' || wished === 'z'
  const [test, run] = TESTS[isForTwo && reference.length !== 2 ? 'chi2' : wished]
  const outcome = run(reference, current)
  if (outcome.kind === 'ok') return { test, pValue: outcome.pValue }
  // One category on both sides, the same: nothing could be more alike.
  return { test, pValue: outcome.because === 'single-category' ? 1 : null }
}

const DISTANCES = {
  js: jensenShannonDistance,
  hellinger: hellingerDistance,
  tv: totalVariation,
  linf: lInfinity,
} as const

/** A distance between two histograms. Kullback-Leibler is of the current from the reference, with half a value more in every bin, so that it is finite. */
export function effectOfCounts(
  effect: ComparisonOptions['categorical']['effect'],
  reference: Counts,
  current: Counts
): number | null {
  if (effect === 'psi') {
    const psi = psiOfCounts(reference, current)
    return psi.kind === 'ok' ? psi.corrected : null
  }
  const distance =
    effect === 'kl'
      ? kullbackLeibler(current.map(withHalf), reference.map(withHalf))
      : DISTANCES[effect](reference, current)
  return distance.kind === 'ok' ? distance.value : null
}

const withHalf = (count: number): number => count + 0.5
