import { expect, test } from 'vitest'
import { normals, ok } from '../../test/reference.ts'
import { createRng } from '../random.ts'
import {
  confidenceSequence,
  meanDifferenceSequence,
  relativeDifferenceSequence,
} from './confidence-sequence.ts'
import { mixtureRatioTest } from './mixture-ratio.ts'
import { proportionDifferenceSequence } from './proportion-sequence.ts'
import { startSampleRatio, updateSampleRatio } from './sample-ratio.ts'

const fromSums = (sum: number, squares: number, count: number) => ({
  count,
  mean: sum / count,
  variance: (squares - sum ** 2 / count) / (count - 1),
})
const rate = (successes: number, count: number) => {
  const p = successes / count
  return { count, mean: p, variance: p * (1 - p) }
}

test('confidence sequences reproduce the two GrowthBook vectors to five decimals', () => {
  const control = fromSums(1396.87, 52377.9767, 3000)
  const treatment = fromSums(2422.7, 134698.29, 3461)
  const means = ok(relativeDifferenceSequence(control, treatment, { tunedFor: 1000 }))
  expect([means.estimate, means.lower, means.upper].map((x) => x.toFixed(5))).toEqual([
    '0.50336',
    '-0.55844',
    '1.56516',
  ])
  const rates = ok(relativeDifferenceSequence(rate(1396, 3000), rate(2422, 3461)))
  expect([rates.estimate, rates.lower, rates.upper].map((x) => x.toFixed(5))).toEqual([
    '0.50386',
    '0.40098',
    '0.60675',
  ])
})

test('the p-value is the alpha at which the interval touches zero', () => {
  const effect = { estimate: 0.4, standardError: 0.11, count: 700 }
  // The tuning depends on alpha, so hold rho fixed through tunedFor.
  const at = (alpha: number) => (-2 * Math.log(alpha) + Math.log(-2 * Math.log(alpha) + 1)) / 0.003
  const { pValue } = ok(confidenceSequence(effect, { alpha: 0.05, tunedFor: at(0.05) }))
  const touching = ok(confidenceSequence(effect, { alpha: pValue, tunedFor: at(pValue) }))
  expect(touching.lower).toBeCloseTo(0, 10)
})

test('fifty looks at equal arms exclude zero in fewer runs than alpha', () => {
  const rng = createRng(21)
  let wrong = 0
  const runs = 200
  for (let run = 0; run < runs; run++) {
    const sums = [
      [0, 0, 0],
      [0, 0, 0],
    ]
    for (let look = 0; look < 50; look++) {
      for (const arm of sums)
        for (const value of normals(rng, 40)) {
          arm[0]! += value
          arm[1]! += value * value
          arm[2]!++
        }
      const [a, b] = sums.map(([sum, squares, count]) => fromSums(sum!, squares!, count!))
      const { lower, upper } = ok(meanDifferenceSequence(a!, b!, { tunedFor: 2000 }))
      if (lower > 0 || upper < 0) {
        wrong++
        break
      }
    }
  }
  expect(wrong / runs).toBeLessThan(0.05)
})

test('the exact proportion sequence keeps its promise on rare events at every single look', () => {
  const rng = createRng(22)
  let wrong = 0
  const runs = 200
  for (let run = 0; run < runs; run++) {
    const control = { successes: 0, trials: 0 }
    const treatment = { successes: 0, trials: 0 }
    for (let look = 0; look < 30; look++) {
      for (const arm of [control, treatment]) {
        arm.trials += 40
        for (let i = 0; i < 40; i++) if (rng() < 0.01) arm.successes++
      }
      if (ok(proportionDifferenceSequence(control, treatment)).pValue <= 0.05) {
        wrong++
        break
      }
    }
  }
  expect(wrong / runs).toBeLessThan(0.05)
})

test('the exact proportion sequence agrees with its own p-value, mirrors its arms and narrows on the truth', () => {
  const a = { successes: 3, trials: 400 }
  const b = { successes: 21, trials: 380 }
  const there = ok(proportionDifferenceSequence(a, b))
  const back = ok(proportionDifferenceSequence(b, a))
  expect(there.lower).toBeCloseTo(-back.upper, 9)
  expect(there.upper).toBeCloseTo(-back.lower, 9)
  expect(there.lower).toBeLessThan(there.estimate)
  expect(there.pValue <= 0.05).toBe(there.lower > 0)
  const touching = ok(proportionDifferenceSequence(a, b, { alpha: there.pValue }))
  expect(touching.lower).toBeCloseTo(0, 8)
  const more = ok(
    proportionDifferenceSequence(
      { successes: 300, trials: 40000 },
      { successes: 2100, trials: 38000 }
    )
  )
  expect(more.upper - more.lower).toBeLessThan((there.upper - there.lower) / 5)
})

test('no event at all still bounds the difference, and never rejects', () => {
  const none = ok(
    proportionDifferenceSequence({ successes: 0, trials: 500 }, { successes: 0, trials: 500 })
  )
  expect(none.pValue).toBe(1)
  expect(none.upper).toBeLessThan(0.03)
  expect(none.lower).toBeCloseTo(-none.upper, 9)
})

test('the mixture ratio crosses 1 / alpha for a real effect and stays below for none', () => {
  expect(ok(mixtureRatioTest({ estimate: 0, standardError: 0.1, count: 100 }, 0.2)).pValue).toBe(1)
  const strong = ok(mixtureRatioTest({ estimate: 0.5, standardError: 0.1, count: 100 }, 0.5))
  // sqrt(V / (V + T)) exp(d^2 T / (2 V (V + T))) with V = 0.01, T = 0.25, d = 0.5
  expect(strong.ratio).toBeCloseTo(
    Math.sqrt(0.01 / 0.26) * Math.exp((0.25 * 0.25) / (2 * 0.01 * 0.26)),
    6
  )
})

test('the sample-ratio check accepts a fair split and catches a broken one, from one look or many', () => {
  const look = (batches: number[][]) => {
    let state = startSampleRatio([0.5, 0.5])
    for (const batch of batches) state = ok(updateSampleRatio(state, batch)).state
    return state.pValue
  }
  expect(look([[500, 500]])).toBeGreaterThan(0.05)
  expect(look([[100, 900]])).toBeLessThan(0.05)
  expect(
    look([
      [50, 450],
      [50, 450],
    ])
  ).toBeCloseTo(look([[100, 900]]), 12)
  expect(
    look([
      [100, 900],
      [900, 100],
    ])
  ).toBe(look([[100, 900]])) // evidence once seen is not taken back
})

test('a fair split, checked after every request, is called broken in fewer runs than alpha', () => {
  const rng = createRng(23)
  let wrong = 0
  const runs = 200
  for (let run = 0; run < runs; run++) {
    let state = startSampleRatio([9, 1], 100)
    for (let i = 0; i < 1000; i++)
      state = ok(updateSampleRatio(state, rng() < 0.9 ? [1, 0] : [0, 1])).state
    if (state.pValue <= 0.05) wrong++
  }
  expect(wrong / runs).toBeLessThan(0.05)
})

test('no data and no spread have no interval', () => {
  const still = { count: 9, mean: 1, variance: 0 }
  expect(meanDifferenceSequence(still, still)).toEqual({
    kind: 'undefined',
    because: 'no-variation',
  })
  expect(meanDifferenceSequence({ ...still, count: 0 }, still)).toEqual({
    kind: 'undefined',
    because: 'empty-sample',
  })
  expect(
    proportionDifferenceSequence({ successes: 0, trials: 0 }, { successes: 1, trials: 2 }).kind
  ).toBe('undefined')
  expect(updateSampleRatio(startSampleRatio([1, 1]), [1, NaN])).toEqual({
    kind: 'undefined',
    because: 'invalid-count',
  })
})
