import fc from 'fast-check'
import { expect, test } from 'vitest'
import { estimation } from '../../test/reference.ts'
import { createRng } from '../random.ts'
import { averagePrecisionAt, ndcgAt } from '../ranking/ranking-quality.ts'
import { fitBoostedTrees } from './boosted-trees.ts'
import { expectedPerformance, fitCalibrator } from './confidence-based.ts'
import { fitLossEstimator } from './direct-loss.ts'
import { fitIsotonic, isotonicAt } from './isotonic.ts'

const { cbpe, dle, ndcg } = estimation

test('isotonic calibration is scikit-learn’s, ties and gaps included', () => {
  const curve = fitIsotonic(cbpe.reference.score, cbpe.reference.label)
  for (const [i, at] of cbpe.calibrated.at.entries())
    expect(isotonicAt(curve, at)).toBeCloseTo(cbpe.calibrated.value[i] ?? NaN, 10)
})

test('expected accuracy, precision, recall, F1 and AUC are NannyML’s', () => {
  const curve = fitIsotonic(cbpe.reference.score, cbpe.reference.label)
  const { score } = cbpe.current
  const predicted = score.map((value) => (value >= 0.5 ? 1 : 0))
  const found = expectedPerformance(
    score.map((value) => isotonicAt(curve, value)),
    predicted,
    score
  )
  // NannyML's calibrator works in single precision, and its AUC on sums of five digits.
  for (const [name, value] of Object.entries(cbpe.estimated))
    expect(found[name as keyof typeof found], name).toBeCloseTo(value, name === 'auc' ? 6 : 7)
})

test('scores that are no probabilities are calibrated, and estimates come close to what turned out', () => {
  const { score, label } = cbpe.current
  expect(fitCalibrator(cbpe.reference.score, cbpe.reference.label)).not.toBeNull()
  const curve = fitIsotonic(cbpe.reference.score, cbpe.reference.label)
  const found = expectedPerformance(
    score.map((value) => isotonicAt(curve, value)),
    score.map((value) => (value >= 0.5 ? 1 : 0)),
    score
  )
  expect(Math.abs((found.accuracy ?? 0) - cbpe.realised.accuracy)).toBeLessThan(0.06)
  expect(label.length).toBe(score.length)
  const rng = createRng(1)
  const honest = Array.from({ length: 4_000 }, () => rng())
  const drawn = honest.map((p) => (rng() < p ? 1 : 0))
  expect(fitCalibrator(honest, drawn), 'honest scores are left as they are').toBeNull()
})

test('an isotonic fit rises, keeps the mean, and is the data where the data rise', () => {
  const points = fc.array(
    fc.tuple(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 9 })),
    {
      minLength: 1,
      maxLength: 60,
    }
  )
  fc.assert(
    fc.property(points, (pairs) => {
      const [x, y] = [pairs.map(([at]) => at), pairs.map(([, value]) => value)]
      const fitted = x.map((at) => isotonicAt(fitIsotonic(x, y), at))
      const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0)
      expect(sum(fitted)).toBeCloseTo(sum(y), 8)
      const order = x.map((_at, i) => i).toSorted((a, b) => (x[a] ?? 0) - (x[b] ?? 0))
      for (const [k, i] of order.entries())
        if (k > 0) expect(fitted[i]).toBeGreaterThanOrEqual((fitted[order[k - 1] ?? 0] ?? 0) - 1e-9)
    })
  )
})

test('directly estimated losses are within 3 % of NannyML’s and follow what turned out', () => {
  const columns = ({ a, b, k, yhat }: typeof dle.reference) => [a, b, k, yhat]
  const errors = dle.reference.y.map((y, i) => Math.abs(y - (dle.reference.yhat[i] ?? 0)))
  const of = (losses: readonly number[]): number => {
    const found = fitLossEstimator(columns(dle.reference), losses).estimate(columns(dle.current))
    return found.reduce((a, b) => a + b, 0) / found.length
  }
  const mae = of(errors)
  const rmse = Math.sqrt(of(errors.map((error) => error ** 2)))
  expect(Math.abs(mae / dle.estimated.mae - 1)).toBeLessThan(0.03)
  expect(Math.abs(rmse / dle.estimated.rmse - 1)).toBeLessThan(0.03)
  // The reference's error is far from it.
  expect(Math.abs(mae - dle.realised.mae)).toBeLessThan(
    Math.abs(dle.referenceMae - dle.realised.mae) / 3
  )
})

test('trees learn what neither column says alone, and take missing values as values', () => {
  const rng = createRng(5)
  const a = Float64Array.from({ length: 2_000 }, () => rng())
  const b = Float64Array.from({ length: 2_000 }, () => (rng() < 0.2 ? NaN : rng()))
  const truth = (i: number) =>
    Number.isNaN(b[i]) ? 3 : (a[i] ?? 0) > 0.5 !== (b[i] ?? 0) > 0.5 ? 1 : 0
  const target = Float64Array.from(a, (_value, i) => truth(i) + 0.1 * (rng() - 0.5))
  const found = fitBoostedTrees([a, b], target).predict([a, b])
  const off = found.reduce((sum, value, i) => sum + Math.abs(value - truth(i)), 0) / found.length
  expect(off).toBeLessThan(0.05)
  const few = fitBoostedTrees([[1, 2]], [5, 7]).predict([[1, 2, 9]])
  expect([...few], 'too few rows for a split').toEqual([6, 6, 6])
})

test('NDCG at k is scikit-learn’s, average precision at k is by hand', () => {
  for (const { relevance, score, at, value } of ndcg)
    expect(ndcgAt(relevance, score, at)).toBeCloseTo(value, 10)
  // Relevant at ranks 1, 3 and 4 of five: (1/1 + 2/3 + 3/4) / 3.
  const relevance = [1, 0, 1, 1, 0]
  const scores = [5, 4, 3, 2, 1]
  expect(averagePrecisionAt(relevance, scores, 5)).toBeCloseTo((1 + 2 / 3 + 3 / 4) / 3, 12)
  expect(averagePrecisionAt(relevance, scores, 2)).toBeCloseTo(1 / 2, 12)
  expect(averagePrecisionAt([0, 0], [1, 2], 2)).toBeNull()
  expect(ndcgAt([0, 0], [1, 2], 2)).toBeNull()
})
