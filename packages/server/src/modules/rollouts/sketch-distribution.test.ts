import { createDdSketch, createRng } from '@trestle/stats'
import { expect, test } from 'vitest'
import { distributionOf } from './sketch-distribution.ts'

test('quantiles are the sketch’s own, and the share below a value is that of the sample within one bucket', () => {
  const rng = createRng(3)
  const values = Array.from({ length: 5_000 }, () => (rng() - 0.3) * 100)
  values.push(0, 0, 0)
  const sketch = createDdSketch()
  sketch.updateMany(values)
  const distribution = distributionOf(sketch.toJSON())
  if (distribution === null) throw new Error('empty')
  expect(distribution.count).toBe(values.length)
  for (let q = 0; q <= 1; q += 0.01) expect(distribution.quantile(q)).toBe(sketch.quantile(q))
  for (const x of [-20, -1, 0, 1, 33, 60, 80]) {
    const share = values.filter((v) => v <= x).length / values.length
    expect(Math.abs(distribution.shareBelow(x) - share)).toBeLessThan(0.02)
  }
  expect(distribution.shareBelow(1e9)).toBe(1)
  expect(distribution.shareBelow(-1e9)).toBe(0)
})

test('nothing seen is no distribution', () => {
  expect(distributionOf(null)).toBeNull()
  expect(distributionOf(createDdSketch().toJSON())).toBeNull()
})
