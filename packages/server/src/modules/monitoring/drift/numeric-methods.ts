import {
  andersonDarling,
  cramerVonMises,
  energyDistance,
  eppsSingleton,
  kolmogorovSmirnov,
  mannWhitney,
  psiOfCounts,
  studentTTest,
  wassersteinDistance,
  welchTTest,
  type Outcome,
} from '@trestle/stats'
import type { ComparisonOptions } from '@trestle/contract'
import { effectOfCounts } from './categorical-methods.ts'

type NumericTest = ComparisonOptions['numeric']['test']

/** Both sides of a numeric column: samples for tests (infinities as the largest numbers there are), counts of all values over the reference's bins. */
export type NumericSides = Readonly<{
  reference: { sample: Float64Array; counts: readonly number[]; deviation: number }
  current: { sample: Float64Array; counts: readonly number[] }
}>

type Tester = (x: Float64Array, y: Float64Array) => Outcome<{ pValue: number }>

const TESTS: Readonly<Record<NumericTest, readonly [title: string, test: Tester]>> = {
  ks: ['Kolmogorov-Smirnov', kolmogorovSmirnov],
  'cramer-von-mises': [
    'Cramér-von Mises',
    (x, y) => cramerVonMises(x, y, { method: 'asymptotic' }),
  ],
  'anderson-darling': ['Anderson-Darling', (x, y) => andersonDarling([x, y])],
  'mann-whitney': ['Mann-Whitney', (x, y) => mannWhitney(x, y)],
  'epps-singleton': ['Epps-Singleton', (x, y) => eppsSingleton(finite(x), finite(y))],
  welch: ['Welch t', (x, y) => welchTTest(finite(x), finite(y))],
  student: ['Student t', (x, y) => studentTTest(finite(x), finite(y))],
}

/** The p-value of the wished test, and its name; of Kolmogorov-Smirnov where that test has no answer, as on constants. */
export function testNumbers(
  wished: NumericTest,
  { reference, current }: NumericSides
): { test: string; pValue: number | null } {
  for (const name of [wished, 'ks'] as const) {
    const [test, run] = TESTS[name]
    const outcome = run(reference.sample, current.sample)
    if (outcome.kind === 'ok') return { test, pValue: outcome.pValue }
  }
  return { test: TESTS[wished][0], pValue: null }
}

export function numericEffect(
  effect: ComparisonOptions['numeric']['effect'],
  { reference, current }: NumericSides
): number | null {
  switch (effect) {
    case 'psi': {
      const psi = psiOfCounts(reference.counts, current.counts)
      return psi.kind === 'ok' ? psi.corrected : null
    }
    case 'wasserstein':
    case 'energy': {
      const measure = effect === 'energy' ? energyDistance : wassersteinDistance
      const distance = measure(finite(reference.sample), finite(current.sample))
      if (distance.kind !== 'ok') return null
      // A constant reference has no scale of its own: any move is then as large as can be.
      if (reference.deviation === 0) return distance.value === 0 ? 0 : Number.MAX_VALUE
      // An energy distance is in square roots of the unit.
      return (
        distance.value /
        (effect === 'energy' ? Math.sqrt(reference.deviation) : reference.deviation)
      )
    }
    case 'ks': {
      const outcome = kolmogorovSmirnov(reference.sample, current.sample, { method: 'asymptotic' })
      return outcome.kind === 'ok' ? outcome.statistic : null
    }
    case 'js':
    case 'hellinger':
    case 'tv':
    case 'linf':
    case 'kl':
      return effectOfCounts(effect, reference.counts, current.counts)
  }
}

const finite = (sample: Float64Array): Float64Array =>
  sample.filter((value) => Math.abs(value) < Number.MAX_VALUE)
