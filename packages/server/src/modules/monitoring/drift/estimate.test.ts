import { monitorSpec } from '@trestle/contract'
import { createRng } from '@trestle/stats'
import { expect, test } from 'vitest'
import { estimateQuality } from './estimate.ts'

const quality = monitorSpec.shape.quality.unwrap().unwrap()
const binary = quality.parse({ problem: 'binary' })
const regression = quality.parse({ problem: 'regression' })

/** Honest scores: surer ones, or ones near one half, are right as often as they say. */
const scored = (n: number, seed: number, spread: number) => {
  const rng = createRng(seed)
  return Array.from({ length: n }, () => {
    const score = 0.5 + (rng() < 0.5 ? -1 : 1) * (spread + 0.04 * (rng() - 0.5))
    return { score, predicted: null, inputs: {}, label: rng() < score ? 1 : 0 }
  })
}

test('scores that drift to one half are expected to be wrong as often as labels later say, and no more', () => {
  const reference = scored(4_000, 1, 0.4)
  const same = estimateQuality(reference, scored(1_000, 2, 0.4), binary)
  expect(same).toMatchObject({ method: 'CBPE', state: 'ok', referenceLabels: 4_000 })
  const unsure = scored(1_000, 3, 0.15)
  const found = estimateQuality(reference, unsure, binary)
  const right = unsure.filter((row) => row.score >= 0.5 === (row.label === 1)).length / 1_000
  expect(found?.state).toBe('worse')
  expect(found?.finding).toMatch(/expected at 0\.3\d*, was 0\.1/)
  expect(Math.abs((found?.metrics['accuracy'] ?? 0) - right)).toBeLessThan(0.05)
})

/** Numbers whose error depends on the weather. */
const measured = (n: number, seed: number, storms: number) => {
  const rng = createRng(seed)
  return Array.from({ length: n }, () => {
    const weather = rng() < storms ? 'storm' : 'calm'
    const wind = rng()
    const error = (weather === 'storm' ? 8 : 1) * (0.5 + wind) * (rng() < 0.5 ? -1 : 1)
    return { score: 100, predicted: null, inputs: { weather, wind }, label: 100 + error }
  })
}

test('inputs that the model does worse on raise the expected error, before any label', () => {
  const reference = measured(3_000, 4, 0.1)
  expect(estimateQuality(reference, measured(1_000, 5, 0.1), regression)?.state).toBe('ok')
  const stormy = measured(1_000, 6, 0.6)
  const found = estimateQuality(reference, stormy, regression)
  const mae = stormy.reduce((sum, row) => sum + Math.abs(row.score - row.label), 0) / 1_000
  expect(found).toMatchObject({ method: 'DLE', state: 'worse' })
  expect(Math.abs((found?.metrics['mae'] ?? 0) / mae - 1)).toBeLessThan(0.1)
})

test('without labels enough, scores or probabilities there is no estimate', () => {
  expect(estimateQuality(scored(199, 7, 0.4), scored(100, 8, 0.4), binary)).toBeNull()
  const blind = scored(500, 9, 0.4).map((row) => ({ ...row, score: null, predicted: 1 }))
  expect(estimateQuality(blind, blind, binary)).toBeNull()
  expect(estimateQuality(scored(500, 1, 0.4), [], binary)).toBeNull()
})
