import fc from 'fast-check'
import { expect, test } from 'vitest'
import { normals, numericCases, ok } from '../../test/reference.ts'
import { createRng } from '../random.ts'
import { kolmogorovSmirnov } from './kolmogorov-smirnov.ts'
import { mannWhitney } from './mann-whitney.ts'

function expectPair(
  actual: { statistic: number; pValue: number },
  expected: number | number[] | undefined
): void {
  const [statistic, pValue] = expected as number[]
  expect(actual.statistic).toBeCloseTo(statistic!, 8)
  expect(Math.abs(actual.pValue - pValue!)).toBeLessThan(1e-8)
}

test.each(numericCases)('Kolmogorov-Smirnov agrees with scipy on $name', ({ ref, cur, exp }) => {
  expectPair(ok(kolmogorovSmirnov(ref, cur, { method: 'exact' })), exp['ks_exact'])
  expectPair(ok(kolmogorovSmirnov(ref, cur, { method: 'asymptotic' })), exp['ks_asymp'])
})

test.each(numericCases)(
  'Mann-Whitney agrees with scipy on $name, all three sides',
  ({ ref, cur, exp }) => {
    for (const alternative of ['two-sided', 'less', 'greater'] as const)
      expectPair(
        ok(mannWhitney(ref, cur, { alternative, method: 'asymptotic' })),
        exp[`mannwhitney_asym_${alternative}`]
      )
  }
)

test('exact Mann-Whitney counts orderings: the most extreme of 20 has probability 1 in 20', () => {
  const outcome = ok(mannWhitney([4, 5, 6], [1, 2, 3], { alternative: 'greater' }))
  expect(outcome.pValue).toBeCloseTo(1 / 20, 14)
  expect(outcome.effect).toBe(1)
})

test('two-sided Mann-Whitney sees a shift of one sigma downwards as clearly as upwards', () => {
  const rng = createRng(7)
  const base = normals(rng, 500)
  for (const shift of [-1, 1]) {
    const moved = normals(rng, 500, shift)
    expect(ok(mannWhitney(base, moved)).pValue).toBeLessThan(1e-20)
  }
})

test('rank tests are symmetric and unmoved by a monotone map', () => {
  const sample = fc.array(fc.double({ min: -50, max: 50, noNaN: true }), {
    minLength: 3,
    maxLength: 40,
  })
  fc.assert(
    fc.property(sample, sample, (x, y) => {
      for (const run of [kolmogorovSmirnov, mannWhitney]) {
        const there = run(x, y)
        const back = run(y, x)
        const mapped = run(
          x.map((v) => v * 8),
          y.map((v) => v * 8)
        )
        expect(back.kind).toBe(there.kind)
        if (there.kind === 'ok' && back.kind === 'ok')
          expect(back.pValue).toBeCloseTo(there.pValue, 10)
        expect(mapped).toEqual(there)
      }
    }),
    { numRuns: 100, seed: 1 }
  )
})

test('p-values are uniform without drift', () => {
  const rng = createRng(11)
  const runs = 1000
  for (const run of [kolmogorovSmirnov, mannWhitney]) {
    const pValues = Array.from(
      { length: runs },
      () => ok(run(normals(rng, 120), normals(rng, 90))).pValue
    )
    const uniform = Array.from({ length: runs }, (_, i) => (i + 0.5) / runs)
    expect(ok(kolmogorovSmirnov(pValues, uniform)).pValue).toBeGreaterThan(0.001)
    const alarms = pValues.filter((p) => p <= 0.05).length
    expect(alarms).toBeGreaterThan(25)
    expect(alarms).toBeLessThan(75)
  }
})

test('empty, all-missing and constant samples have no answer; infinities rank as extremes', () => {
  expect(kolmogorovSmirnov([], [1])).toEqual({ kind: 'undefined', because: 'empty-sample' })
  expect(mannWhitney([NaN, NaN], [1])).toEqual({ kind: 'undefined', because: 'empty-sample' })
  expect(mannWhitney([2, 2], [2, 2, 2])).toEqual({ kind: 'undefined', because: 'no-variation' })
  expect(kolmogorovSmirnov([1, 2, Infinity], [3, -Infinity, NaN])).toEqual(
    kolmogorovSmirnov([1, 2, 9], [3, 0])
  )
})
