import { expect, test } from 'vitest'
import { countCases, ok, reference } from '../../test/reference.ts'
import { createRng } from '../random.ts'
import { chiSquareContingency, gTest } from './contingency.ts'
import { mcNemar } from './mcnemar.ts'
import { clopperPearsonInterval, wilsonInterval } from './proportion-interval.ts'

test.each(countCases)('contingency tests agree with scipy on $name', ({ ref, cur, exp }) => {
  const tests = { chi2_contingency_nocorr: chiSquareContingency, g_contingency_nocorr: gTest }
  for (const [name, run] of Object.entries(tests)) {
    const [statistic, pValue, degrees] = exp[name] as number[]
    const outcome = ok(run([ref, cur]))
    expect(outcome.statistic).toBeCloseTo(statistic!, 9)
    expect(outcome.pValue).toBeCloseTo(pValue!, 10)
    expect(outcome.degrees).toBe(degrees)
    expect(outcome.cramersV).toBeCloseTo(exp['cramers_v'] as number, 10)
  }
})

test('one row of an unseen category in a thousand is not drift', () => {
  expect(
    ok(
      chiSquareContingency([
        [500, 500, 0],
        [499, 500, 1],
      ])
    ).pValue
  ).toBeGreaterThan(0.3)
  expect(
    ok(
      gTest([
        [5000, 5000, 0],
        [499, 500, 1],
      ])
    ).pValue
  ).toBeGreaterThan(0.05)
})

test('chi-square raises 5 % false alarms at 500 against 500, not 32 %', () => {
  const rng = createRng(3)
  const draw = () => {
    const counts = [0, 0, 0, 0, 0]
    for (let i = 0; i < 500; i++) counts[Math.floor(rng() * 5)]!++
    return counts
  }
  const runs = 2000
  let alarms = 0
  for (let i = 0; i < runs; i++)
    if (ok(chiSquareContingency([draw(), draw()])).pValue <= 0.05) alarms++
  expect(alarms / runs).toBeGreaterThan(0.035)
  expect(alarms / runs).toBeLessThan(0.065)
})

test.each(reference.binom_ci)(
  'intervals of $k in $n agree with the reference',
  ({ k, n, wilson95, clopper95 }) => {
    const wilson = ok(wilsonInterval(k, n))
    const exact = ok(clopperPearsonInterval(k, n))
    for (const [actual, expected] of [
      [wilson, wilson95],
      [exact, clopper95],
    ] as const) {
      expect(actual.lower).toBeCloseTo(expected[0], 10)
      expect(actual.upper).toBeCloseTo(expected[1], 10)
    }
  }
)

test('McNemar is the exact sign test of the disagreements', () => {
  // 2 P(Binomial(8, 1/2) <= 1) = 18 / 256
  expect(ok(mcNemar(1, 7)).pValue).toBeCloseTo(18 / 256, 13)
  expect(ok(mcNemar(7, 1)).pValue).toBeCloseTo(18 / 256, 13)
  expect(ok(mcNemar(5, 5)).pValue).toBe(1)
  expect(ok(mcNemar(0, 0)).pValue).toBe(1)
  // scipy.stats.binomtest(450, 1000) and (49500, 100000)
  expect(ok(mcNemar(450, 550)).pValue).toBeCloseTo(0.0017305360849763027, 12)
  expect(ok(mcNemar(49_500, 50_500)).pValue).toBeCloseTo(0.0015823598788515154, 12)
})

test('tables without a question have no answer', () => {
  expect(
    chiSquareContingency([
      [1, 2],
      [0, 0],
    ])
  ).toEqual({ kind: 'undefined', because: 'empty-sample' })
  expect(
    chiSquareContingency([
      [4, 0],
      [7, 0],
    ])
  ).toEqual({ kind: 'undefined', because: 'single-category' })
  expect(chiSquareContingency([[1, 2], [3]])).toEqual({
    kind: 'undefined',
    because: 'length-mismatch',
  })
  expect(
    gTest([
      [1, -2],
      [3, 4],
    ])
  ).toEqual({ kind: 'undefined', because: 'invalid-count' })
  expect(wilsonInterval(0, 0)).toEqual({ kind: 'undefined', because: 'empty-sample' })
})
