import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createManualClock } from '../../../kernel/clock.ts'
import { judge } from '../outcome.ts'
import { sampleEvent } from '../test/sample-event.ts'
import { createArms } from './arms.ts'
import { createTimeline } from './timeline.ts'

const START = 1_795_459_200_000

test('an old moment is answered to the slice: nothing before it is counted, and what is left out is said', () => {
  const event = fc.record({
    age: fc.integer({ min: 0, max: 600_000 }),
    step: fc.integer({ min: 0, max: 400_000 }),
  })
  const back = fc.integer({ min: 0, max: 80_000_000 })
  fc.assert(
    fc.property(fc.array(event, { maxLength: 80 }), back, (events, backMs) => {
      let now = START
      const timeline = createTimeline<{ ats: number[] }>({
        empty: () => ({ ats: [] }),
        merge: (into, from) => void into.ats.push(...from.ats),
      })
      const ats: number[] = []
      for (const { age, step } of events) {
        now += step
        ats.push(now - age)
        timeline.at(now - age, now)?.ats.push(now - age)
      }
      const from = now - backMs
      const { total, coveredFrom } = timeline.since(from, now)
      expect(coveredFrom).toBeGreaterThanOrEqual(from)
      expect(coveredFrom - from).toBeLessThan(60_000)
      expect(total.ats.toSorted()).toEqual(ats.filter((at) => at >= coveredFrom).toSorted())
    }),
    { numRuns: 300 }
  )
})

test('an arm counts requests, failures, latency, scores and NaN outputs', () => {
  const clock = createManualClock(START + 10_000)
  const arms = createArms({ clock })
  for (let i = 1; i <= 100; i++)
    arms.observe({
      sequence: i,
      event: sampleEvent({
        at: START + i,
        latencyMs: i,
        status: i <= 5 ? 'error' : i === 6 ? 'timeout' : 'ok',
        outputs: [{ name: 'score', type: 'float', values: [i === 100 ? NaN : i / 100] }],
      }),
    })
  const stats = arms.stats({ endpointId: 'ep_1', variant: 'v1', role: 'live' }, START)
  expect(stats).toMatchObject({
    requests: 100,
    rows: 94,
    errors: 5,
    timeouts: 1,
    nanOutputs: 1,
    coveredFrom: START,
  })
  expect(Math.abs((stats.latency.p50 ?? 0) - 50.5)).toBeLessThan(1.5)
  expect(stats.score.n).toBe(93)
  expect(stats.score.mean).toBeCloseTo(0.53, 10)
  const none = arms.stats({ endpointId: 'ep_1', variant: 'other', role: 'live' }, START)
  expect(none).toMatchObject({ requests: 0, labelled: null, latency: { p99: null } })
})

test('a saved and loaded state goes on as if nothing had happened', () => {
  const clock = createManualClock(START + 10_000)
  const whole = createArms({ clock })
  const first = createArms({ clock })
  const events = Array.from({ length: 60 }, (_, i) =>
    sampleEvent({ predictionId: `p${i}`, at: START + i * 97, latencyMs: 1 + (i % 7) })
  )
  events.forEach((event, i) => whole.observe({ sequence: i, event }))
  events.slice(0, 30).forEach((event, i) => first.observe({ sequence: i, event }))
  const second = createArms({ clock })
  second.load(JSON.parse(JSON.stringify(first.save())) as ReturnType<typeof first.save>)
  events.slice(30).forEach((event, i) => second.observe({ sequence: 30 + i, event }))
  const key = { endpointId: 'ep_1', variant: 'v1', role: 'live' as const }
  const [a, b] = [second.stats(key, START), whole.stats(key, START)]
  expect({ ...a, score: null }).toEqual({ ...b, score: null })
  expect(a.score.variance).toBeCloseTo(b.score.variance ?? 0, 12)
  expect(second.endpointId('default', 'fraud')).toBe('ep_1')
})

test('a shadow is compared with the answer it copies, whichever comes first, row by row', () => {
  const clock = createManualClock(START + 10_000)
  const arms = createArms({ clock })
  for (let i = 0; i < 40; i++) {
    const live = sampleEvent({
      predictionId: `p${i}`,
      isShadowed: true,
      at: START + i,
      latencyMs: 10,
      rows: 2,
      outputs: [
        { name: 'score', type: 'float', values: [i / 100, 1 - i / 100] },
        { name: 'label', type: 'int', values: [0, 1] },
      ],
    })
    const shadow = sampleEvent({
      ...live,
      predictionId: `s${i}`,
      variant: 'v2',
      role: 'shadow',
      pairedWith: `p${i}`,
      latencyMs: 15,
      status: i === 39 ? 'error' : 'ok',
      outputs: [
        { name: 'score', type: 'float', values: [i / 100 + 0.1, 1 - i / 100 + 0.1] },
        { name: 'label', type: 'string', values: ['0', i % 4 === 0 ? '0' : '1'] },
      ],
    })
    const pair = i % 2 === 0 ? [live, shadow] : [shadow, live]
    for (const event of pair) arms.observe({ sequence: null, event })
  }
  const found = arms.comparison({ endpointId: 'ep_1', primary: 'v1', shadow: 'v2' }, START, {
    labelledPairs: 30,
    onlyPrimaryRight: 9,
    onlyShadowRight: 1,
  })
  expect(found).toMatchObject({ pairs: 78, shadowErrors: 1, latencyRatio: 1.5 })
  expect(found.agreement).toBeCloseTo((78 - 10) / 78, 12)
  expect(found.meanAbsDiff).toBeCloseTo(0.1, 12)
  expect(found.spearman).toBeCloseTo(1, 12)
  // The exact binomial test of 1 in 10: 2 * (1 + 10) / 1024.
  expect(found.mcnemar?.pValue).toBeCloseTo(22 / 1024, 12)
})

test('a label is counted where its prediction was, and a corrected one only once', () => {
  const clock = createManualClock(START + 10_000)
  const arms = createArms({ clock })
  const key = { endpointId: 'ep_1', variant: 'v1', role: 'live' as const }
  arms.label({ ...key, at: START }, { error: 1, logLoss: 2, squaredError: null }, 1)
  arms.label({ ...key, at: START }, { error: 1, logLoss: 2, squaredError: null }, -1)
  arms.label({ ...key, at: START }, { error: 0, logLoss: 0.5, squaredError: null }, 1)
  arms.label({ ...key, at: START + 5_000 }, { error: 0, logLoss: 0.1, squaredError: null }, 1)
  expect(arms.stats(key, START).labelled).toMatchObject({ metric: 'log-loss', n: 2, meanError: 0 })
  expect(arms.stats(key, START).labelled?.meanLoss).toBeCloseTo(0.3, 12)
  expect(arms.stats(key, START + 1).labelled).toMatchObject({ n: 1, meanLoss: 0.1 })
})

test('a count of 1 beside a score below 1 leaves a regression a regression, and 0 and 1 alone are classes', () => {
  const clock = createManualClock(START + 10_000)
  const arms = createArms({ clock })
  const tell = (variant: string, score: number, label: number) => {
    const judged = judge({ score, predicted: null }, label)
    if (judged !== null)
      arms.label({ endpointId: 'ep_1', variant, role: 'live', at: START }, judged, 1)
  }
  for (const [score, label] of [
    [0.5, 1],
    [12, 10],
    [7, 10],
  ] as const)
    tell('counts', score, label)
  for (const label of [1, 0]) tell('classes', 0.9, label)
  const labelled = (variant: string) =>
    arms.stats({ endpointId: 'ep_1', variant, role: 'live' }, START).labelled
  expect(labelled('counts')).toMatchObject({ n: 3, metric: 'squared-error', meanLoss: 13.25 / 3 })
  expect(labelled('counts')?.meanError).toBeCloseTo(5.5 / 3, 12)
  expect(labelled('classes')).toMatchObject({ n: 2, metric: 'log-loss', meanError: 0.5 })
})
