import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  andersonDarling,
  chiSquareContingency,
  cramerVonMises,
  createRng,
  energyDistance,
  eppsSingleton,
  fisherExact,
  gTest,
  hellingerDistance,
  jensenShannonDistance,
  kernelDiscrepancy,
  kolmogorovSmirnov,
  lInfinity,
  mannWhitney,
  populationStability,
  studentTTest,
  totalVariation,
  twoProportionZ,
  wassersteinDistance,
  welchTTest,
} from '../src/index.ts'
import type { Outcome, Rng } from '../src/index.ts'
import { normals, ok } from './reference.ts'

type Judge = (x: Float64Array, y: Float64Array) => Outcome<{ pValue: number }>

const halves = (x: Float64Array) => {
  const below = x.filter((value) => value < 0).length
  return [below, x.length - below] as const
}
const fifths = (x: Float64Array) => {
  const counts = [0, 0, 0, 0, 0]
  for (const value of x) counts[Math.min(4, Math.max(0, Math.floor(value * 1.2 + 2.5)))]!++
  return counts
}

const tests: Record<string, Judge> = {
  'Student t': studentTTest,
  'Welch t': welchTTest,
  'Cramér-von Mises': (x, y) => cramerVonMises(x, y, { method: 'asymptotic' }),
  'Epps-Singleton': eppsSingleton,
  'Kolmogorov-Smirnov': kolmogorovSmirnov,
  'Mann-Whitney': mannWhitney,
  'chi-square': (x, y) => chiSquareContingency([fifths(x), fifths(y)]),
  G: (x, y) => gTest([fifths(x), fifths(y)]),
  'two proportions': (x, y) => twoProportionZ([halves(x), halves(y)]),
}

function nullPValues(judge: Judge, rng: Rng, runs: number): number[] {
  return Array.from({ length: runs }, () => ok(judge(normals(rng, 200), normals(rng, 150))).pValue)
}

test.each(Object.entries(tests))('p-values of %s are uniform without drift', (_name, judge) => {
  const runs = 1000
  const pValues = nullPValues(judge, createRng(91), runs)
  const uniform = Array.from({ length: runs }, (_, i) => (i + 0.5) / runs)
  expect(ok(kolmogorovSmirnov(pValues, uniform)).statistic).toBeLessThan(0.062)
  const alarms = pValues.filter((p) => p <= 0.05).length
  expect(alarms).toBeGreaterThan(25)
  expect(alarms).toBeLessThan(75)
})

// These are discrete, conservative or bounded at the upper end by design: only false alarms are to be counted.
const conservative: Record<string, { judge: Judge; runs: number }> = {
  'Anderson-Darling': { judge: (x, y) => andersonDarling([x, y]), runs: 600 },
  Fisher: {
    judge: (x, y) => fisherExact([halves(x.subarray(0, 40)), halves(y.subarray(0, 40))]),
    runs: 1000,
  },
  'kernel discrepancy': {
    judge: (x, y) =>
      kernelDiscrepancy(
        Array.from(x.subarray(0, 25), (v) => [v]),
        Array.from(y.subarray(0, 20), (v) => [v]),
        { rng: createRng(Math.abs(x[0]!) * 1e9), permutations: 39 }
      ),
    runs: 400,
  },
}

test.each(Object.entries(conservative))(
  '%s raises no more than 5 % false alarms',
  (_name, { judge, runs }) => {
    const alarms = nullPValues(judge, createRng(92), runs).filter((p) => p <= 0.05).length
    expect(alarms / runs).toBeLessThan(0.05 + 3.3 * Math.sqrt((0.05 * 0.95) / runs))
  }
)

const sample = fc
  .array(fc.double({ min: -50, max: 50, noNaN: true }), { minLength: 8, maxLength: 40 })
  .map((values) => Float64Array.from(values))

test('every two-sample test and distance is the same from both sides, and under a change of unit', () => {
  const judges: Record<string, (x: Float64Array, y: Float64Array) => Outcome<object>> = {
    ...tests,
    'Anderson-Darling': (x, y) => andersonDarling([x, y]),
    Wasserstein: (x, y) => {
      const scale = Math.max(...x, ...y) - Math.min(...x, ...y)
      const outcome = wassersteinDistance(x, y)
      return outcome.kind === 'ok' && scale > 0
        ? { kind: 'ok', value: outcome.value / scale }
        : outcome
    },
    energy: (x, y) => {
      const scale = Math.max(...x, ...y) - Math.min(...x, ...y)
      const outcome = energyDistance(x, y)
      return outcome.kind === 'ok' && scale > 0
        ? { kind: 'ok', value: outcome.value ** 2 / scale }
        : outcome
    },
  }
  const numbersOf = (outcome: Outcome<object>) =>
    Object.entries(outcome)
      .filter(([key]) => ['pValue', 'value'].includes(key))
      .map(([, value]) => Number(value))
  fc.assert(
    fc.property(sample, sample, (x, y) => {
      for (const [name, judge] of Object.entries(judges)) {
        const there = judge(x, y)
        const back = judge(y, x)
        expect(back.kind, name).toBe(there.kind)
        for (const [i, value] of numbersOf(there).entries())
          expect(numbersOf(back)[i], name).toBeCloseTo(value, 8)
        if (['chi-square', 'G', 'two proportions'].includes(name)) continue
        const scaled = judge(
          x.map((v) => v * 8),
          y.map((v) => v * 8)
        )
        expect(scaled.kind, name).toBe(there.kind)
        for (const [i, value] of numbersOf(there).entries())
          expect(numbersOf(scaled)[i], name).toBeCloseTo(value, 8)
      }
    }),
    { numRuns: 60, seed: 3 }
  )
})

test('distances between counts are symmetric, at most 1, 0 for equal shares, and blind to the order of categories', () => {
  const cells = fc.array(fc.tuple(fc.nat(500), fc.nat(500)), { minLength: 2, maxLength: 12 })
  const distances = { jensenShannonDistance, hellingerDistance, totalVariation, lInfinity }
  fc.assert(
    fc.property(cells, (pairs) => {
      const [p, q] = [pairs.map(([a]) => a), pairs.map(([, b]) => b)]
      for (const [name, distance] of Object.entries(distances)) {
        const there = distance(p, q)
        if (there.kind === 'undefined') continue
        expect(there.value, name).toBeGreaterThanOrEqual(0)
        expect(there.value, name).toBeLessThanOrEqual(1 + 1e-12)
        expect(ok(distance(q, p)).value, name).toBeCloseTo(there.value, 12)
        expect(ok(distance(p.toReversed(), q.toReversed())).value, name).toBeCloseTo(there.value, 7)
        expect(
          ok(
            distance(
              p,
              p.map((a) => a * 3)
            )
          ).value,
          name
        ).toBeCloseTo(0, 7)
      }
    }),
    { numRuns: 200, seed: 4 }
  )
})

test('PSI by reference quantiles does not change under a change of unit', () => {
  const whole = fc
    .array(fc.integer({ min: -9999, max: 9999 }), { minLength: 8, maxLength: 40 })
    .map((values) => Float64Array.from(values))
  fc.assert(
    fc.property(whole, whole, (x, y) => {
      const there = populationStability(x, y)
      const mapped = populationStability(
        x.map((v) => v * 4),
        y.map((v) => v * 4)
      )
      expect(mapped.kind).toBe(there.kind)
      if (there.kind === 'ok') expect(ok(mapped).value).toBeCloseTo(there.value, 10)
    }),
    { numRuns: 100, seed: 5 }
  )
})
