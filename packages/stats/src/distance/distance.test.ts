import { expect, test } from 'vitest'
import { countCases, normals, numericCases, ok } from '../../test/reference.ts'
import { createRng } from '../random.ts'
import { countBins, quantileBins } from './bins.ts'
import {
  hellingerDistance,
  jensenShannonDistance,
  kullbackLeibler,
  lInfinity,
  totalVariation,
} from './divergence.ts'
import { histogramEdges } from './histogram-edges.ts'
import { populationStability, psiOfCounts } from './population-stability.ts'

test.each(countCases)(
  'distances between counts agree with the reference on $name',
  ({ ref, cur, exp }) => {
    const values = {
      js_distance_base_e: jensenShannonDistance(ref, cur, 'e'),
      js_distance_base_2: jensenShannonDistance(ref, cur),
      hellinger: hellingerDistance(ref, cur),
      tvd: totalVariation(ref, cur),
      linf: lInfinity(ref, cur),
    }
    for (const [name, outcome] of Object.entries(values))
      expect(ok(outcome).value).toBeCloseTo(exp[name] as number, 10)
  }
)

test.each(numericCases.filter(({ exp }) => 'psi_ref_deciles_floor1e-4' in exp))(
  'PSI over reference deciles agrees with the reference on $name',
  ({ ref, cur, exp }) => {
    // The reference values use open outer bins; merging ours with their outsides gives the same bins.
    const merge = (values: readonly number[]) => {
      const { counts } = countBins(values, quantileBins(ref))
      return [counts[0]! + counts[1]!, ...counts.slice(2, -2), counts.at(-2)! + counts.at(-1)!]
    }
    const outcome = ok(psiOfCounts(merge(ref), merge(cur), { empty: { floor: 1e-4 } }))
    expect(outcome.value).toBeCloseTo(exp['psi_ref_deciles_floor1e-4'] as number, 10)
  }
)

test.each(numericCases.filter(({ exp }) => 'evidently_like_kl_sturges' in exp))(
  'divergences over pooled Sturges bins agree with the reference on $name',
  ({ ref, cur, exp }) => {
    const edges = histogramEdges([...ref, ...cur], 'sturges')
    const shares = (values: readonly number[]) => {
      const { counts } = countBins(values, { edges })
      return counts.slice(1, -1).map((count) => count / values.length)
    }
    const [p, q] = [shares(ref), shares(cur)]
    // Empty bins get 1e-4 there, or less where a share is as small; PSI of the unscaled shares is the sum of both directions.
    const fill = (values: readonly number[]) => {
      const least = Math.min(...values.filter((value) => value > 0))
      return values.map((value) => (value === 0 ? (least <= 1e-4 ? least / 1e6 : 1e-4) : value))
    }
    const [a, b] = [fill(p), fill(q)]
    const psi = a.reduce((sum, x, i) => sum + (x - b[i]!) * Math.log(x / b[i]!), 0)
    expect(psi).toBeCloseTo(exp['evidently_like_psi_sturges'] as number, 10)
    expect(ok(kullbackLeibler(a, b)).value).toBeCloseTo(
      exp['evidently_like_kl_sturges'] as number,
      10
    )
    expect(ok(jensenShannonDistance(p, q, 'e')).value).toBeCloseTo(
      exp['evidently_like_js_sturges'] as number,
      10
    )
  }
)

test('every value lands in one bin: outsides, infinities and missing included', () => {
  const bins = quantileBins([1, 2, 3, 4, 5, Infinity, NaN], 4)
  expect(bins.edges).toEqual([1, 2, 3, 4, 5])
  expect(countBins([0, 1, 2.5, 5, 6, Infinity, -Infinity, NaN], bins)).toEqual({
    counts: [2, 1, 1, 0, 1, 2],
    missing: 1,
  })
  expect(countBins([6, 7, 8], quantileBins([7, 7]))).toEqual({ counts: [1, 1, 1], missing: 0 })
})

test('PSI sees a shift of a skewed feature, with an outlier in the reference too', () => {
  const rng = createRng(5)
  const reference = normals(rng, 2000).map(Math.exp)
  const current = normals(rng, 2000, 1.5).map(Math.exp)
  expect(ok(populationStability(reference, current)).corrected).toBeGreaterThan(0.5)
  reference[0] = 1e6
  expect(ok(populationStability(reference, current)).corrected).toBeGreaterThan(0.5)
})

test('PSI without drift averages what is announced, and the corrected value stays under 0.1', () => {
  const rng = createRng(9)
  let value = 0
  let announced = 0
  let alarms = 0
  const runs = 400
  for (let i = 0; i < runs; i++) {
    const outcome = ok(populationStability(normals(rng, 500), normals(rng, 200)))
    value += outcome.value / runs
    announced += outcome.expectedWithoutDrift / runs
    if (outcome.corrected >= 0.1) alarms++
  }
  expect(value / announced).toBeGreaterThan(0.85)
  expect(value / announced).toBeLessThan(1.15)
  expect(alarms / runs).toBeLessThan(0.02)
})

test('a rise of missing values alone is drift', () => {
  const reference = Array.from({ length: 500 }, (_, i) => i)
  const current = reference.map((value) => (value % 3 === 0 ? NaN : value))
  expect(ok(populationStability(reference, current)).corrected).toBeGreaterThan(0.5)
})

test('distances of nothing are undefined, and Kullback-Leibler is infinite on an unseen category', () => {
  expect(totalVariation([0, 0], [1, 2])).toEqual({ kind: 'undefined', because: 'empty-sample' })
  expect(populationStability([], [1])).toEqual({ kind: 'undefined', because: 'empty-sample' })
  expect(ok(kullbackLeibler([1, 1], [1, 0])).value).toBe(Infinity)
})
