import { gate as gateSchema, type GateInput, type GateVerdict } from '@trestle/contract'
import { createRng } from '@trestle/stats'
import { expect, test } from 'vitest'
import { planOf, type Stage } from '../plan.ts'
import type { ArmFacts, ShadowFacts } from '../ports.ts'
import { distributionOf } from '../sketch-distribution.ts'
import { createDdSketch } from '@trestle/stats'
import { resolveGates } from './gate.ts'
import { judgeAll } from './judge.ts'
import type { Fetched, Look } from './look.ts'

const canary = planOf({ kind: 'preset', preset: 'fast' }).stages[0]
const shadow = planOf({ kind: 'preset', preset: 'safe' }).stages[0]
if (canary === undefined || shadow === undefined) throw new Error('no stages')

const ok = <T>(value: T): Fetched<T> => ({ ok: true, value })
const arm = (facts: Partial<ArmFacts> = {}): ArmFacts => ({
  requests: 1_000,
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
const judgeIn = (stage: Stage, input: GateInput, facts: Partial<Look>): GateVerdict => {
  const gate = gateSchema.parse(input)
  const [verdict] = judgeAll(resolveGates([gate], planOf({ kind: 'preset', preset: 'safe' })), {
    stage,
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
  if (verdict === undefined) throw new Error('no verdict')
  return verdict
}
const inShadow = (input: GateInput, facts: Partial<ShadowFacts>): GateVerdict =>
  judgeIn(shadow, input, { shadow: ok({ ...noPairs, ...facts }) })

test('scores of a regression may differ by the margin on average; none at all is a pass too, once there are enough', () => {
  const gate: GateInput = { metric: 'score-difference', margin: 0.5 }
  const difference = (mean: number, n = 2_000) => ({ difference: { n, mean, variance: 0.04 } })
  expect(inShadow(gate, difference(0.2)).verdict).toBe('pass')
  expect(inShadow(gate, difference(0.9)).verdict).toBe('fail')
  expect(inShadow(gate, difference(0.5)).verdict).toBe('insufficient')
  const same = { difference: { n: 2_000, mean: 0, variance: 0 } }
  expect(inShadow(gate, same)).toMatchObject({ verdict: 'pass', estimate: 0 })
  expect(inShadow(gate, {}).verdict).toBe('insufficient')
})

test('ranks that agree pass, ranks that do not fail, and the interval holds the truth', () => {
  const gate: GateInput = { metric: 'rank-correlation', margin: 0.2 }
  const ranks = (correlation: number, n = 2_000) => ({ ranks: { n, correlation } })
  const pass = inShadow(gate, ranks(0.95))
  expect(pass).toMatchObject({ verdict: 'pass', threshold: 0.2 })
  expect(pass.interval?.low).toBeLessThan(0.05)
  expect(pass.interval?.high).toBeGreaterThan(0.05)
  expect(inShadow(gate, ranks(0.5)).verdict).toBe('fail')
  expect(inShadow(gate, ranks(1)).verdict).toBe('pass')
  expect(inShadow(gate, ranks(0.95, 40)).verdict).toBe('insufficient')
})

test('labelled pairs are judged on those that only one got right, as McNemar does', () => {
  const gate: GateInput = { metric: 'paired-labels' }
  const labelled = (onlyPrimaryRight: number, onlyShadowRight: number, n = 3_000) => ({
    labelled: { n, onlyPrimaryRight, onlyShadowRight, pValue: 0.03 },
  })
  expect(inShadow(gate, labelled(40, 42)).verdict).toBe('pass')
  const fail = inShadow(gate, labelled(240, 40))
  expect(fail.verdict).toBe('fail')
  expect(fail.sentence).toContain('240 were right by the old variant alone')
  expect(fail.sentence).toContain('McNemar p = 0.03')
  expect(inShadow(gate, labelled(3, 1, 60)).verdict).toBe('insufficient')
  // Unpaired, 8 % errors against 8 % of 3,000 could not rule 2 points out; paired they can.
  expect(inShadow(gate, labelled(30, 30)).interval?.high).toBeLessThan(0.01)
})

test('without a difference the paired interval leaves the truth in at most the stated share of lives', () => {
  const rng = createRng(3)
  let wrong = 0
  for (let life = 0; life < 400; life++) {
    let n = 0
    let onlyPrimaryRight = 0
    let onlyShadowRight = 0
    for (let look = 0; look < 20; look++) {
      for (let i = 0; i < 100; i++) {
        const u = rng()
        n++
        if (u < 0.05) onlyPrimaryRight++
        else if (u < 0.1) onlyShadowRight++
      }
      const { verdict } = inShadow(
        { metric: 'paired-labels', margin: 0 },
        { labelled: { n, onlyPrimaryRight, onlyShadowRight, pValue: null } }
      )
      if (verdict !== 'fail') continue
      wrong++
      break
    }
  }
  expect(wrong / 400).toBeLessThanOrEqual(0.02)
})

test('outputs with other names or types than the old variant has fail, whatever their values', () => {
  const gate: GateInput = { metric: 'output-schema' }
  const schemas = (mine: Record<string, number>): Partial<Look> => ({
    candidate: ok(arm({ schemas: mine })),
    baseline: ok(arm({ schemas: { 'score: float': 1_000 } })),
  })
  expect(judgeIn(canary, gate, schemas({ 'score: float': 1_000 })).verdict).toBe('pass')
  const fail = judgeIn(canary, gate, schemas({ 'probability: float': 500 }))
  expect(fail.verdict).toBe('fail')
  expect(fail.sentence).toContain('probability: float in place of score: float')
  expect(judgeIn(canary, gate, schemas({})).verdict).toBe('insufficient')
  expect(
    judgeIn(canary, gate, { candidate: ok(arm({ schemas: { x: 9 } })), baseline: ok(arm()) })
      .verdict
  ).toBe('insufficient')
})

test('features that are much older than those of the old variant fail, a minute more does not', () => {
  const ages = (medianMs: number) => {
    const rng = createRng(7)
    const sketch = createDdSketch()
    for (let i = 0; i < 2_000; i++) sketch.update(medianMs * (0.5 + rng()))
    return distributionOf(sketch.toJSON())
  }
  const look = (mine: number, old: number): Partial<Look> => ({
    candidate: ok(arm({ featureAgeMs: ages(mine) })),
    baseline: ok(arm({ featureAgeMs: ages(old) })),
  })
  const gate: GateInput = { metric: 'feature-freshness' }
  const fail = judgeIn(canary, gate, look(7_200_000, 600_000))
  expect(fail.verdict).toBe('fail')
  expect(fail.sentence).toMatch(/^p95 age of features 3 hours v 15 minutes/)
  expect(judgeIn(canary, gate, look(620_000, 600_000)).verdict).toBe('pass')
  expect(judgeIn(canary, gate, look(20_000, 5_000)).verdict).toBe('pass')
})

test('a business metric counts in its own direction, and a margin below nought asks for better', () => {
  const values = (mine: number, old: number, n = 4_000): Partial<Look> => ({
    business: new Map([
      [
        'revenue',
        ok({
          candidate: { n, mean: mine, variance: 1 },
          baseline: { n, mean: old, variance: 1 },
        }),
      ],
    ]),
  })
  const gate: GateInput = { metric: 'business-metric', name: 'revenue', margin: 0.1 }
  expect(judgeIn(canary, gate, values(5, 5)).verdict).toBe('pass')
  expect(judgeIn(canary, gate, values(4.5, 5))).toMatchObject({ verdict: 'fail', name: 'revenue' })
  expect(judgeIn(canary, { ...gate, higherIsBetter: false }, values(4.5, 5)).verdict).toBe('pass')
  expect(judgeIn(canary, { ...gate, margin: -0.2 }, values(5, 5)).verdict).toBe('fail')
  expect(judgeIn(canary, { ...gate, margin: -0.2 }, values(5.5, 5)).verdict).toBe('pass')
  expect(judgeIn(canary, { ...gate, min: 6 }, values(5, 5)).verdict).toBe('fail')
  expect(judgeIn(canary, gate, values(5, 5, 1)).verdict).toBe('insufficient')
  expect(judgeIn(canary, gate, {}).verdict).toBe('error')
})

test('a query that has no answer holds, one of both variants is compared, and several of a name are told apart', () => {
  const answers = (candidate: number | null, baseline: number | null): Partial<Look> => ({
    queried: new Map([['lag', ok({ candidate, baseline })]]),
  })
  const absolute: GateInput = { metric: 'promql', name: 'lag', query: 'max(lag)', max: 10 }
  expect(judgeIn(canary, absolute, answers(3, null)).verdict).toBe('pass')
  expect(judgeIn(canary, absolute, answers(11, null)).verdict).toBe('fail')
  expect(judgeIn(canary, absolute, answers(null, null)).verdict).toBe('insufficient')
  const compared: GateInput = { metric: 'promql', name: 'lag', query: 'lag{v="{{ variant }}"}' }
  expect(judgeIn(canary, compared, answers(12, 10)).verdict).toBe('pass')
  expect(judgeIn(canary, compared, answers(13, 10)).verdict).toBe('fail')
  expect(judgeIn(canary, { ...compared, higherIsBetter: true }, answers(7, 10)).verdict).toBe(
    'fail'
  )
  expect(judgeIn(canary, compared, answers(1, 0)).verdict).toBe('insufficient')
  expect(judgeIn(canary, compared, answers(12, null)).verdict).toBe('insufficient')
})

test('a gate that can mean nothing is refused with its reason', () => {
  const refused: [GateInput, string][] = [
    [{ metric: 'promql', name: 'lag' }, 'needs a query'],
    [{ metric: 'business-metric' }, 'needs a name'],
    [{ metric: 'error-rate', name: 'mine' }, 'has none'],
    [{ metric: 'prediction-distribution', margin: -0.1 }, 'never below nought'],
    [{ metric: 'error-rate', min: 0 }, 'has no lowest'],
    [{ metric: 'cost', higherIsBetter: true }, 'has one direction'],
  ]
  for (const [given, why] of refused)
    expect(gateSchema.safeParse(given).error?.issues[0]?.message).toContain(why)
})
