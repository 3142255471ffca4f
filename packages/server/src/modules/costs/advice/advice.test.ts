import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ShadowComparison } from '../../monitoring/index.ts'
import { batchAdvice, deviceAdvice, idleAdvice, shadowAdvice } from './advisers.ts'
import { enoughRows, fitBatches, runMs, usdPerMillion, type BatchFit } from './batch-fit.ts'
import { breakEven, usdPerHourFor } from './break-even.ts'

test('cost against batch size is that of a run of 4 ms and 0.2 ms a row at $1.20 an hour', () => {
  const fit: BatchFit = { fixedMs: 4, perRowMs: 0.2, runs: 100, r2: 1, largestRows: 64 }
  // (4 + 0.2·b) / b ms a row, by hand.
  const usd = [1, 8, 16, 32, 64].map((rows) => Number(usdPerMillion(fit, rows, 1.2).toFixed(4)))
  expect(usd).toEqual([1.4, 0.2333, 0.15, 0.1083, 0.0875])
  expect(runMs(fit, 64)).toBeCloseTo(16.8)
  // Within a tenth of 0.2 ms a row: 4 / 0.02.
  expect(enoughRows(fit)).toBe(200)
})

test('the line is found again under noise, whatever the sizes and however often each ran', () => {
  const size = fc.record({
    rows: fc.integer({ min: 1, max: 64 }),
    runs: fc.integer({ min: 20, max: 900 }),
  })
  fc.assert(
    fc.property(
      fc.uniqueArray(size, { minLength: 2, maxLength: 20, selector: ({ rows }) => rows }),
      fc.double({ min: 0, max: 20, noNaN: true }),
      fc.double({ min: 0.01, max: 5, noNaN: true }),
      (sizes, fixedMs, perRowMs) => {
        const exact = fitBatches(sizes.map((s) => ({ ...s, meanMs: fixedMs + perRowMs * s.rows })))
        expect(exact?.perRowMs).toBeCloseTo(perRowMs, 6)
        expect(exact?.fixedMs).toBeCloseTo(fixedMs, 5)
        expect(exact?.r2).toBeCloseTo(1, 6)
      }
    )
  )
})

test('too few runs, one size alone, or runs that are no slower with more rows tell nothing', () => {
  const at = (rows: number, runs: number, meanMs: number) => ({ rows, runs, meanMs })
  expect(fitBatches([at(1, 10, 1), at(8, 10, 2)])).toBeNull()
  expect(fitBatches([at(8, 1_000, 2)])).toBeNull()
  expect(fitBatches([at(1, 100, 2), at(8, 100, 2)])).toBeNull()
})

test('the break-even is a step: below it the small ones are no dearer, just above it the large one is cheaper', () => {
  // A vCPU does 100 rows a second for $0.04, a GPU 10,000 for $1.20: above 30 vCPU.
  const load = breakEven(
    { rowsPerSecond: 100, usdPerHour: 0.04 },
    { rowsPerSecond: 10_000, usdPerHour: 1.2 }
  )
  expect(load).toBeCloseTo(30 * 70)
  const worker = fc.record({
    rowsPerSecond: fc.double({ min: 1, max: 1_000, noNaN: true }),
    usdPerHour: fc.double({ min: 0.01, max: 1, noNaN: true }),
  })
  fc.assert(
    fc.property(worker, worker, (small, large) => {
      const from = breakEven(small, large)
      if (from === null || from === 0) return
      expect(usdPerHourFor(large, from * (1 + 1e-9))).toBeLessThan(
        usdPerHourFor(small, from * (1 + 1e-6))
      )
      for (const share of [0.1, 0.5, 0.99])
        if (usdPerHourFor(large, from * share) < usdPerHourFor(small, from * share))
          throw new Error(`cheaper already at ${share} of it`)
    })
  )
  // A row costs more there even when it is full.
  expect(
    breakEven({ rowsPerSecond: 100, usdPerHour: 0.04 }, { rowsPerSecond: 1_000, usdPerHour: 1.2 })
  ).toBeNull()
  expect(
    breakEven({ rowsPerSecond: 1, usdPerHour: 1 }, { rowsPerSecond: 9, usdPerHour: 0.5 })
  ).toBe(0)
})

test('larger batches are advised up to twice what was measured, with what they would save at this load', () => {
  const sizes = [1, 4].map((rows) => ({ rows, runs: 50, meanMs: 4 + 0.2 * rows }))
  const of = {
    endpoint: 'fraud',
    endpointId: 'ep_1',
    variant: 'v1',
    device: 'cpu' as const,
    isBatched: true,
    maxBatchRows: 64,
    sizes,
  }
  const advice = batchAdvice(of, { usdPerHour: 1.2, rowsPerSecond: 10 })
  const numbers = new Map(advice?.numbers.map(({ name, value }) => [name, value]))
  expect(numbers.get('batch now')).toBe(2.5)
  expect(numbers.get('batch advised')).toBe(8)
  // 1.8 ms a row now and 0.7 ms then, of 26.28 million rows a month, at $1.20 an hour.
  expect(advice?.savesUsdPerMonth).toBeCloseTo((1.1 / 3.6e6) * 1.2 * 26_280_000, 6)
  expect(
    batchAdvice({ ...of, isBatched: false }, { usdPerHour: 1.2, rowsPerSecond: 10 })
  ).toBeNull()
})

test('units are spare that the busiest hour would not miss at 70 % use, whoever saw it busier', () => {
  const of = { device: 'gpu', units: 8, usdPerHour: 2, hours: 24 }
  expect(idleAdvice({ ...of, meteredPeak: 0.2, measuredPeak: 0.3 })?.savesUsdPerMonth).toBe(
    4 * 2 * 730
  )
  expect(idleAdvice({ ...of, meteredPeak: 0.2, measuredPeak: 0.9 })?.verdict).toBe('not-worth-it')
  expect(idleAdvice({ ...of, units: 1, meteredPeak: 0, measuredPeak: 0 })).toBeNull()
})

test('another device is advised only beyond its break-even', () => {
  const small = { variant: 'a', device: 'cpu', rowsPerSecond: 100, usdPerHour: 0.04 }
  const large = { variant: 'b', device: 'gpu', rowsPerSecond: 10_000, usdPerHour: 1.2 }
  const at = (peakRowsPerSecond: number) =>
    deviceAdvice({ endpoint: 'e', small, large, peakRowsPerSecond })
  expect(at(2_000).verdict).toBe('not-worth-it')
  // 58 vCPU for 4,000 rows a second at 70 % use, beside one GPU.
  expect(at(4_000)).toMatchObject({ verdict: 'worth-it' })
  expect(at(4_000).savesUsdPerMonth).toBeCloseTo((58 * 0.04 - 1.2) * 730)
})

test.each([
  ['as good by its labels, and cheaper', { agreement: 0.5, labels: [20, 18, 0.8] }, 'worth-it'],
  ['worse by its labels', { agreement: 0.99, labels: [3, 30, 0.001] }, 'not-worth-it'],
  ['in agreement without labels', { agreement: 0.97 }, 'worth-it'],
  ['often of another answer', { agreement: 0.8 }, 'not-worth-it'],
  ['not comparable', { agreement: null }, 'insufficient'],
  ['compared too seldom', { agreement: 1, pairs: 99 }, 'insufficient'],
  ['failing', { agreement: 1, errors: 5 }, 'not-worth-it'],
  ['dearer', { agreement: 1, usd: 2 }, 'not-worth-it'],
  ['without a price', { agreement: 1, usd: null }, 'insufficient'],
] as const)('a shadow that is %s', (_name, given, verdict) => {
  const of: {
    agreement: number | null
    labels?: readonly [number, number, number]
    pairs?: number
    errors?: number
    usd?: number | null
  } = given
  const comparison: ShadowComparison = {
    primary: 'large',
    shadow: 'small',
    coveredFrom: 0,
    pairs: of.pairs ?? 200,
    scored: 0,
    agreement: of.agreement,
    meanAbsDiff: null,
    varAbsDiff: null,
    spearman: null,
    spearmanPairs: 0,
    latencyRatio: 0.5,
    shadowErrors: of.errors ?? 0,
    mcnemar:
      of.labels === undefined
        ? null
        : {
            labelledPairs: 100,
            onlyShadowRight: of.labels[0],
            onlyPrimaryRight: of.labels[1],
            pValue: of.labels[2],
          },
  }
  const advice = shadowAdvice({
    endpoint: 'chat',
    primary: { variant: 'large', usdPer1000: 1, predictionsPerMonth: 50_000 },
    shadow: { variant: 'small', usdPer1000: of.usd === undefined ? 0.2 : of.usd },
    comparison,
  })
  expect(advice.verdict).toBe(verdict)
  expect(advice.savesUsdPerMonth).toBe(verdict === 'worth-it' ? 40 : null)
})
