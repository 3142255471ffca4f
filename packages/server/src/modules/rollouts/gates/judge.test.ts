import type { Gate, GateInput, GateVerdict } from '@trestle/contract'
import { createRng } from '@trestle/stats'
import { expect, test } from 'vitest'
import { planOf, type Stage } from '../plan.ts'
import type { ArmFacts, Distribution, ShadowFacts } from '../ports.ts'
import { rateSequence } from './rate-sequence.ts'
import { refuseGates, resolveGates } from './gate.ts'
import { judgeAll } from './judge.ts'
import type { Fetched, Look } from './look.ts'
import { constantFor, uniformBandWidth } from './uniform-band.ts'

const canary: Stage = {
  kind: 'canary',
  basisPoints: 5_000,
  shadowShare: 0,
  dailyCapUsd: null,
  moves: null,
  bakeMs: 0,
  minRequests: 1,
  needsApproval: false,
}
const baking: Stage = { ...canary, kind: 'baking', basisPoints: 10_000 }
const shadow: Stage = { ...canary, kind: 'shadow', basisPoints: 0, shadowShare: 1 }
const plan = planOf({ kind: 'preset', preset: 'fast' })

const ok = <T>(value: T): Fetched<T> => ({ ok: true, value })
const arm = (facts: Partial<ArmFacts> = {}): ArmFacts => ({
  requests: 0,
  forced: 0,
  errors: 0,
  timeouts: 0,
  rejected: 0,
  nanOutputs: 0,
  schemas: {},
  latencyMs: null,
  featureAgeMs: null,
  score: null,
  labelled: null,
  ...facts,
})
const noPairs: ShadowFacts = {
  pairs: 0,
  agreeing: 0,
  difference: null,
  ranks: null,
  labelled: null,
}
const lookAt = (facts: Partial<Look> = {}): Look => ({
  stage: canary,
  now: 600_000,
  from: 0,
  candidate: ok(arm()),
  baseline: ok(arm()),
  shadow: null,
  drift: null,
  consistency: null,
  cost: null,
  business: new Map(),
  queried: new Map(),
  expectedShare: 0.5,
  errors: { harm: 0.01, safety: 0.05, environmentErrorRate: 0.25 },
  ...facts,
})
const judgeOne = (gate: GateInput, look: Partial<Look>): GateVerdict => {
  const [verdict] = judgeAll(resolveGates([gate], plan), lookAt(look))
  if (verdict === undefined) throw new Error('no verdict')
  return verdict
}
const sample = (values: readonly number[]): Distribution => {
  const sorted = values.toSorted((a, b) => a - b)
  return {
    count: sorted.length,
    quantile: (q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN,
    shareBelow: (x) => sorted.filter((v) => v <= x).length / sorted.length,
  }
}
const latencies = (n: number, scale: number, seed: number): Distribution => {
  const rng = createRng(seed)
  return sample(Array.from({ length: n }, () => scale * (0.5 - Math.log(1 - rng()))))
}
const rates = (n: number, errors: readonly [number, number]): Partial<Look> => ({
  candidate: ok(arm({ requests: n, errors: errors[0] })),
  baseline: ok(arm({ requests: n, errors: errors[1] })),
})

test('an equal error rate passes, a much higher one fails, and few requests are insufficient', () => {
  const pass = judgeOne({ metric: 'error-rate' }, rates(6_000, [31, 30]))
  expect(pass).toMatchObject({ verdict: 'pass', missing: null, threshold: 0.01 })
  expect(pass.sentence).toMatch(
    /^error rate 0\.517 % v 0\.5 %, difference within \[-.*, \+.*\] points, margin 1 point: pass$/
  )
  expect(judgeOne({ metric: 'error-rate' }, rates(2_000, [140, 20])).verdict).toBe('fail')
  const open = judgeOne({ metric: 'error-rate' }, rates(150, [1, 1]))
  expect(open.verdict).toBe('insufficient')
  expect(open.missing?.samples).toBeGreaterThan(100)
  // 150 in ten minutes: the forecast is in proportion.
  expect(open.missing?.expectedMs).toBeCloseTo(((open.missing?.samples ?? 0) / 150) * 600_000, -5)
})

test('the forecast of missing samples is about right', () => {
  const open = judgeOne({ metric: 'error-rate' }, rates(1_000, [10, 10]))
  const needed = 1_000 + (open.missing?.samples ?? 0)
  const errors = Math.round(needed / 100)
  expect(
    judgeOne({ metric: 'error-rate' }, rates(needed * 2, [2 * errors, 2 * errors])).verdict
  ).toBe('pass')
  expect(
    judgeOne(
      { metric: 'error-rate' },
      rates(Math.round(needed / 2), [Math.round(errors / 2), Math.round(errors / 2)])
    ).verdict
  ).toBe('insufficient')
})

test('nothing seen is insufficient, a source that is away is an error: neither is ever a pass', () => {
  const gates = [
    'error-rate',
    'timeout-rate',
    'nan-outputs',
    'latency-p50',
    'latency-p99',
    'prediction-distribution',
    'label-quality',
    'sample-ratio',
    'cost',
    'input-drift',
  ] as const
  for (const metric of gates) {
    const empty = judgeOne(
      { metric },
      {
        cost: ok({
          candidate: { predictions: 0, usdPer1000: null },
          baseline: { predictions: 0, usdPer1000: null },
        }),
        drift: ok({ state: 'unknown', summary: 'no monitor' }),
      }
    )
    expect([metric, empty.verdict]).toEqual([metric, 'insufficient'])
    expect(empty.missing).not.toBeNull()
    const away = { ok: false, because: 'down' } as const
    const error = judgeOne({ metric }, { candidate: away, baseline: away, cost: away, drift: away })
    expect([metric, error.verdict]).toEqual([metric, 'error'])
  }
})

test('both arms above the ceiling is the environment; one certainly worse than the other is not', () => {
  expect(judgeOne({ metric: 'error-rate' }, rates(2_000, [1_000, 1_010])).verdict).toBe(
    'environment'
  )
  expect(judgeOne({ metric: 'error-rate' }, rates(2_000, [1_900, 800])).verdict).toBe('fail')
})

test('latency: harm has to pass both the ratio and the floor in milliseconds', () => {
  const at = (scale: number, seed: number) =>
    ok(arm({ requests: 20_000, latencyMs: latencies(20_000, scale, seed) }))
  const gate = { metric: 'latency-p95', margin: 0.25, floorMs: 10 } as const
  expect(judgeOne(gate, { candidate: at(40, 1), baseline: at(40, 2) }).verdict).toBe('pass')
  expect(judgeOne(gate, { candidate: at(80, 1), baseline: at(40, 2) }).verdict).toBe('fail')
  // Twice as slow, but by 4 ms: nobody notices.
  expect(judgeOne(gate, { candidate: at(2, 1), baseline: at(1, 2) }).verdict).toBe('pass')
  const few = ok(arm({ requests: 300, latencyMs: latencies(300, 40, 3) }))
  expect(judgeOne({ metric: 'latency-p99' }, { candidate: few, baseline: few }).verdict).toBe(
    'insufficient'
  )
})

test('the prediction distribution passes when equal, fails when shifted', () => {
  const scores = (shift: number, seed: number) => {
    const rng = createRng(seed)
    return ok(
      arm({ requests: 4_000, score: sample(Array.from({ length: 4_000 }, () => rng() + shift)) })
    )
  }
  const gate = { metric: 'prediction-distribution' } as const
  expect(judgeOne(gate, { candidate: scores(0, 1), baseline: scores(0, 2) }).verdict).toBe('pass')
  expect(judgeOne(gate, { candidate: scores(0.6, 1), baseline: scores(0, 2) }).verdict).toBe('fail')
})

test('label quality compares mean losses of the same kind only', () => {
  const labelled = (n: number, meanLoss: number, metric = 'log-loss') =>
    ok(arm({ requests: n, labelled: { n, meanLoss, varLoss: 0.04, metric } }))
  const gate = { metric: 'label-quality', margin: 0.02 } as const
  expect(
    judgeOne(gate, { candidate: labelled(5_000, 0.3), baseline: labelled(5_000, 0.3) }).verdict
  ).toBe('pass')
  expect(
    judgeOne(gate, { candidate: labelled(5_000, 0.36), baseline: labelled(5_000, 0.3) }).verdict
  ).toBe('fail')
  expect(
    judgeOne(gate, {
      candidate: labelled(5_000, 0.3, 'squared-error'),
      baseline: labelled(5_000, 0.3),
    }).verdict
  ).toBe('insufficient')
})

test('the shadow may disagree on a share of the requests', () => {
  const gate = { metric: 'agreement', margin: 0.1 } as const
  const pairs = (agreeing: number) => ({
    stage: shadow,
    shadow: ok({ ...noPairs, pairs: 2_000, agreeing }),
  })
  expect(judgeOne(gate, pairs(1_950)).verdict).toBe('pass')
  expect(judgeOne(gate, pairs(1_500)).verdict).toBe('fail')
  expect(judgeOne(gate, pairs(1_800)).verdict).toBe('insufficient')
})

test('a full queue of one arm is harm, bad requests on both are not', () => {
  const refusing = (candidate: number, baseline: number): Partial<Look> => ({
    candidate: ok(arm({ requests: 4_000, rejected: candidate })),
    baseline: ok(arm({ requests: 4_000, rejected: baseline })),
  })
  expect(judgeOne({ metric: 'error-rate', margin: 0.03 }, refusing(400, 400)).verdict).toBe('pass')
  expect(judgeOne({ metric: 'error-rate' }, refusing(800, 400)).verdict).toBe('fail')
})

test('drift of the inputs fails, an endpoint without a monitor is insufficient', () => {
  const state = (at: 'ok' | 'drift') => ({ drift: ok({ state: at, summary: 'monitor "inputs"' }) })
  expect(judgeOne({ metric: 'input-drift' }, state('ok')).verdict).toBe('pass')
  expect(judgeOne({ metric: 'input-drift' }, state('drift')).verdict).toBe('fail')
})

test('an unpriced variant is never cheap, a dearer one fails', () => {
  const costs = (candidate: number | null, baseline: number | null): Partial<Look> => ({
    cost: ok({
      candidate: { predictions: 1_000, usdPer1000: candidate },
      baseline: { predictions: 1_000, usdPer1000: baseline },
    }),
  })
  expect(judgeOne({ metric: 'cost' }, costs(1.1, 1)).verdict).toBe('pass')
  expect(judgeOne({ metric: 'cost' }, costs(1.3, 1)).verdict).toBe('fail')
  expect(judgeOne({ metric: 'cost' }, costs(null, 1)).verdict).toBe('insufficient')
  expect(judgeOne({ metric: 'cost' }, costs(0.1, null)).verdict).toBe('insufficient')
})

test('a split other than the one asked for fails, chance does not', () => {
  const split = (candidate: number, baseline: number): Partial<Look> => ({
    candidate: ok(arm({ requests: candidate })),
    baseline: ok(arm({ requests: baseline })),
  })
  expect(judgeOne({ metric: 'sample-ratio' }, split(5_050, 4_950)).verdict).toBe('pass')
  expect(judgeOne({ metric: 'sample-ratio' }, split(5_600, 4_400)).verdict).toBe('fail')
})

test('when the new variant carries everything only ceilings and drift are judged', () => {
  const gates: Gate[] = resolveGates(
    [{ metric: 'error-rate', max: 0.05 }, { metric: 'latency-p95' }, { metric: 'nan-outputs' }],
    plan
  )
  const verdicts = judgeAll(
    gates,
    lookAt({ stage: baking, baseline: null, candidate: ok(arm({ requests: 3_000, errors: 15 })) })
  )
  expect(verdicts.map((v) => [v.metric, v.verdict])).toEqual([['error-rate', 'pass']])
  expect(verdicts[0]?.sentence).toMatch(
    /^error rate 0\.5 %, within \[.* %, .* %\], ceiling 5 %: pass$/
  )
})

test('gates that no step can judge are refused, and a strategy with one variant at a time gets a ceiling', () => {
  const blueGreen = planOf({
    kind: 'blue-green',
    previewMs: 0,
    needsApproval: false,
    finalBakeMs: 1,
  })
  expect(resolveGates([], blueGreen)).toMatchObject([{ metric: 'error-rate', max: 0.05 }])
  expect(refuseGates(resolveGates([{ metric: 'latency-p95' }], blueGreen), blueGreen)).toMatch(
    /needs a "max"/
  )
  expect(refuseGates(resolveGates([{ metric: 'agreement' }], plan), plan)).toMatch(/agreement/)
  expect(refuseGates(resolveGates([], plan), plan)).toBeNull()
})

test('one rate: the exact interval holds the truth at every one of 300 looks in at least 95 % of lives', () => {
  const rng = createRng(5)
  let missed = 0
  for (let life = 0; life < 300; life++) {
    let hits = 0
    let isOut = false
    for (let look = 1; look <= 300 && !isOut; look++) {
      if (rng() < 0.02) hits++
      const { low, high } = rateSequence({ hits, n: look }, 0.05)
      isOut = low > 0.02 || high < 0.02
    }
    if (isOut) missed++
  }
  expect(missed / 300).toBeLessThan(0.05)
})

test('the uniform band has the published constant, and narrows with the sample', () => {
  // Howard and Ramdas 2022: C = 8.123 for A = 0.85 at alpha = 0.05.
  expect(constantFor(0.05)).toBeCloseTo(8.123, 1)
  expect(uniformBandWidth(10_000, 0.05)).toBeLessThan(uniformBandWidth(1_000, 0.05))
  expect(uniformBandWidth(0, 0.05)).toBe(1)
})

test('features that were not served as they were known fail their gate, and without checked values nothing passes', () => {
  const judged = (values: number, asKnown: number, margin = 0) =>
    judgeOne(
      { metric: 'feature-consistency', margin },
      { consistency: ok({ service: 'fraud_v1', values, asKnown }) }
    )
  expect(judged(5_000, 5_000).verdict).toBe('pass')
  expect(judged(5_000, 4_999).verdict).toBe('fail')
  expect(judged(5_000, 4_999, 0.001).verdict).toBe('pass')
  expect(judged(99, 99)).toMatchObject({ verdict: 'insufficient', missing: { samples: 1 } })
  expect(judged(0, 0).verdict).toBe('insufficient')
})

test('requests that named their variant do not count for the split', () => {
  const split = (forced: number): Partial<Look> => ({
    expectedShare: 0.1,
    candidate: ok(arm({ requests: 1_000 + forced, forced })),
    baseline: ok(arm({ requests: 9_000 })),
  })
  expect(judgeOne({ metric: 'sample-ratio' }, split(0)).verdict).toBe('pass')
  expect(judgeOne({ metric: 'sample-ratio' }, split(3_000)).verdict).toBe('pass')
  const dealt = { ...split(0), candidate: ok(arm({ requests: 4_000 })) }
  expect(judgeOne({ metric: 'sample-ratio' }, dealt).verdict).toBe('fail')
})
