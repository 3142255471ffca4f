import fc from 'fast-check'
import { Histogram, Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { createTally } from './tally.ts'

test('a tally is read by Prometheus exactly as a histogram of prom-client is', async () => {
  const value = fc.oneof(
    fc.constantFrom(0, 0.1, 1, 2.5),
    fc.double({ min: -1, max: 5, noNaN: true })
  )
  const observed = fc.array(fc.record({ of: fc.constantFrom('a"\n', 'b'), value }), {
    maxLength: 50,
  })
  await fc.assert(
    fc.asyncProperty(observed, async (observations) => {
      const metric = { name: 'took_seconds', help: 'How long.' }
      const [ours, theirs] = [new Registry(), new Registry()]
      const tally = createTally(ours, { ...metric, bounds: [0.1, 1, 2.5] })
      const histogram = new Histogram({
        ...metric,
        buckets: [0.1, 1, 2.5],
        labelNames: ['of'],
        registers: [theirs],
      })
      for (const { of, value } of observations) {
        tally.of({ of }).add(value)
        histogram.labels({ of }).observe(value)
      }
      tally.of({ of: 'gone' }).add(1)
      tally.forget({ of: 'gone' })
      const lines = async (registry: Registry) => (await registry.metrics()).split('\n').toSorted()
      expect(await lines(ours)).toEqual(await lines(theirs))
    }),
    { numRuns: 100 }
  )
})
