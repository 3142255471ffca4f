import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BUCKETS, bucketOf } from './bucket.ts'

test('a key always falls into the same bucket, within range', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (salt, key) => {
      const bucket = bucketOf(salt, key)
      return (
        bucket === bucketOf(salt, key) &&
        Number.isInteger(bucket) &&
        bucket >= 0 &&
        bucket < BUCKETS
      )
    })
  )
})

test('sequential keys spread evenly: chi-square over 100 cells stays under its 99.99 % point', () => {
  const cells = new Array<number>(100).fill(0)
  const n = 100_000
  for (let i = 0; i < n; i++) {
    const cell = Math.floor(bucketOf('rollout_1', `customer-${i}`) / 100)
    cells[cell] = (cells[cell] ?? 0) + 1
  }
  const expected = n / 100
  const chi2 = cells.reduce((sum, observed) => sum + (observed - expected) ** 2 / expected, 0)
  expect(chi2).toBeLessThan(161) // 99.99 % of chi-square with 99 degrees of freedom
})

test('a new salt deals the keys anew: about half of the lower half stays', () => {
  let both = 0
  for (let i = 0; i < 10_000; i++) {
    if (bucketOf('a', `k${i}`) < 5_000 && bucketOf('b', `k${i}`) < 5_000) both++
  }
  expect(both).toBeGreaterThan(2_300)
  expect(both).toBeLessThan(2_700)
})
