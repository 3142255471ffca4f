import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bucketStep, toBuckets } from './buckets.ts'

const prediction = fc.record({
  at: fc.integer({ min: 1_000_000, max: 90_000_000 }),
  latencyMs: fc.double({ min: 0, max: 1000, noNaN: true }),
  status: fc.constantFrom('ok' as const, 'error' as const),
})

test('every prediction falls into exactly one bucket, and the chart keeps to about forty', () => {
  fc.assert(
    fc.property(fc.array(prediction, { minLength: 1 }), (predictions) => {
      const times = predictions.map((p) => p.at)
      const [from, to] = [Math.min(...times), Math.max(...times)]
      const stepMs = bucketStep(to - from)
      const buckets = toBuckets(predictions, { from, to, stepMs })
      expect(buckets.reduce((sum, b) => sum + b.requests, 0)).toBe(predictions.length)
      expect(buckets.length).toBeLessThanOrEqual(42)
      expect(buckets.every((b) => (b.p95 === null) === (b.requests === 0))).toBe(true)
    })
  )
})

test('the 95th percentile of twenty is the nineteenth', () => {
  const predictions = Array.from({ length: 20 }, (_unused, i) => ({
    at: 5,
    latencyMs: i + 1,
    status: 'ok' as const,
  }))
  expect(toBuckets(predictions, { from: 0, to: 10, stepMs: 1000 })).toEqual([
    { at: 0, requests: 20, errors: 0, p95: 19 },
  ])
})
