import { createRng } from '@trestle/stats'
import { monitorSpec } from '@trestle/contract'
import { expect, test } from 'vitest'
import type { OutcomeRow } from '../labels/store.ts'
import { judgeQuality } from './quality.ts'

const quality = monitorSpec.shape.quality.unwrap().unwrap()
const binary = quality.parse({ problem: 'binary' })

let clock = 0
const outcome = (over: Partial<OutcomeRow>): OutcomeRow => ({
  project: 'p',
  prediction_id: String(clock),
  label_id: String(clock),
  endpoint: 'e',
  endpoint_id: 'ep',
  variant: 'v1',
  role: 'live',
  prediction_at: clock++,
  received_at: clock,
  label_json: '0',
  score: 0.5,
  predicted_json: '0',
  error: 0,
  log_loss: null,
  squared_error: null,
  ...over,
})

function answers(n: number, errorRate: number, seed: number): OutcomeRow[] {
  const rng = createRng(seed)
  return Array.from({ length: n }, () => {
    const label = rng() < 0.4 ? 1 : 0
    const predicted = rng() < errorRate ? 1 - label : label
    return outcome({
      label_json: String(label),
      predicted_json: String(predicted),
      score: predicted === 1 ? 0.8 : 0.2,
    })
  })
}

const input = (outcomes: OutcomeRow[], referenceOutcomes: OutcomeRow[]) => ({
  outcomes,
  referenceOutcomes,
  history: [...referenceOutcomes, ...outcomes],
  predictions: outcomes.length * 2,
  from: outcomes[0]?.prediction_at ?? 0,
})

test('binary metrics of a hand-made table', () => {
  const rows = [
    ...Array.from({ length: 3 }, () =>
      outcome({ label_json: '1', predicted_json: '1', score: 0.9 })
    ),
    outcome({ label_json: '1', predicted_json: '0', score: 0.4 }),
    outcome({ label_json: '0', predicted_json: '1', score: 0.6 }),
    ...Array.from({ length: 5 }, () =>
      outcome({ label_json: '0', predicted_json: '0', score: 0.1 })
    ),
  ]
  const { metrics, coverage } = judgeQuality(input(rows, []), binary)
  expect(metrics).toMatchObject({ accuracy: 0.8, precision: 0.75, recall: 0.75, f1: 0.75 })
  // By bin: three of 0.9 all positive, one of 0.4 positive, one of 0.6 negative, five of 0.1 negative.
  expect(metrics['calibrationError']).toBeCloseTo((0.3 + 0.6 + 0.6 + 0.5) / 10, 12)
  // 23 of the 24 pairs are in order: only 0.4 against 0.6 is not.
  expect(metrics['auc']).toBeCloseTo(23 / 24, 12)
  expect(coverage).toBe(0.5)
})

test('quality is worse when errors rise by more than the tolerance and chance', () => {
  const reference = answers(1_000, 0.1, 1)
  expect(judgeQuality(input(answers(300, 0.1, 2), reference), binary).state).toBe('ok')
  const worse = judgeQuality(input(answers(300, 0.25, 3), reference), binary)
  expect(worse.state).toBe('worse')
  expect(worse.finding).toContain('was 0.1')
})

test('few labels are insufficient, never ok', () => {
  expect(judgeQuality(input(answers(49, 1, 4), answers(1_000, 0, 5)), binary).state).toBe(
    'insufficient'
  )
})

test('concept drift within the window is found and dated without a reference', () => {
  const calm = answers(1_500, 0.1, 6)
  const turned = answers(1_500, 0.4, 7)
  const { conceptDrift, state } = judgeQuality(
    { ...input(turned, []), history: [...calm, ...turned] },
    binary
  )
  expect(state).toBe('worse')
  const adwin = conceptDrift.detectors.find((d) => d.name === 'ADWIN')
  expect(adwin?.at).toBeGreaterThan(turned[0]?.prediction_at ?? 0)
  expect(adwin?.at).toBeLessThan(turned[500]?.prediction_at ?? 0)
})

test('regression: mean absolute error, root mean square and bias', () => {
  const rows = [1, -3].map((d) =>
    outcome({
      label_json: '10',
      score: 10 + d,
      predicted_json: String(10 + d),
      error: Math.abs(d),
      squared_error: d * d,
    })
  )
  const { metrics } = judgeQuality(input(rows, []), quality.parse({ problem: 'regression' }))
  expect(metrics['mae']).toBe(2)
  expect(metrics['rmse']).toBeCloseTo(Math.sqrt(5), 12)
  expect(metrics['bias']).toBe(-1)
  expect(metrics['mape']).toBeCloseTo(0.2, 12)
  expect(metrics['r2'], 'labels that are all the same have nothing to explain').toBe(null)
  const better = [1, 2, 3, 4].map((label) =>
    outcome({ label_json: String(label), score: label + (label === 4 ? 1 : 0), error: 0 })
  )
  const fit = judgeQuality(input(better, []), quality.parse({ problem: 'regression' }))
  expect(fit.metrics['r2']).toBeCloseTo(1 - 1 / 5, 12)
})
