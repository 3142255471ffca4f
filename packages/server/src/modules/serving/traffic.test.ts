import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BUCKETS } from '../../kernel/bucket.ts'
import {
  chooseVariant,
  findTrafficFault,
  isShadowed,
  planTraffic,
  type Traffic,
} from './traffic.ts'

const VARIANTS = ['v1', 'v2', 'v3', 'v4']
const KEYS = Array.from({ length: 400 }, (_, i) => `customer-${i}`)

/** Weights of the four variants, from three cuts. */
const weights = fc
  .tuple(...[0, 1, 2].map(() => fc.integer({ min: 0, max: BUCKETS })))
  .map((cuts) => {
    const [a = 0, b = 0, c = 0] = cuts.toSorted((x, y) => x - y)
    return [a, b - a, c - b, BUCKETS - c]
  })
const traffic = (points: readonly number[]): Traffic => ({
  salt: 's',
  weights: points.map((basisPoints, i) => ({ variant: VARIANTS[i] ?? '', basisPoints })),
  shadows: [],
})
const keysOf = (table: Traffic, variant: string) =>
  new Set(KEYS.filter((key) => chooseVariant(planTraffic(table, VARIANTS), key) === variant))

test('a variant whose weight alone rises keeps every key it had', () => {
  fc.assert(
    fc.property(
      weights,
      fc.integer({ min: 0, max: 3 }),
      fc.tuple(...VARIANTS.map(() => fc.double({ min: 0, max: 1, noNaN: true }))),
      (before, raised, losses) => {
        const after = before.map((own, i) =>
          i === raised ? 0 : own - Math.floor(own * (losses[i] ?? 0))
        )
        after[raised] = BUCKETS - after.reduce((sum, own) => sum + own, 0)
        const variant = VARIANTS[raised] ?? ''
        const old = keysOf(traffic(before), variant)
        const kept = keysOf(traffic(after), variant)
        return [...old].every((key) => kept.has(key))
      }
    )
  )
})

test('the order in which a change lists the weights moves no key', () => {
  fc.assert(
    fc.property(weights, fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }), (points, order) => {
      const table = traffic(points)
      const shuffled = { ...table, weights: order.map((i) => table.weights[i]!) }
      const before = planTraffic(table, VARIANTS)
      const after = planTraffic(shuffled, VARIANTS)
      return KEYS.every((key) => chooseVariant(before, key) === chooseVariant(after, key))
    })
  )
})

test('a share of 5 % gets close to 5 % of keys and of shadowed requests', () => {
  const table = planTraffic(traffic([9_500, 500, 0, 0]), VARIANTS)
  const n = 20_000
  let live = 0
  let shadowed = 0
  for (let i = 0; i < n; i++) {
    if (chooseVariant(table, `k${i}`) === 'v2') live++
    if (isShadowed(0.05, { salt: 'x', id: `p${i}` })) shadowed++
  }
  // Five standard deviations of a binomial: 5 × √(n·p·(1−p)) ≈ 154.
  expect(Math.abs(live - n * 0.05)).toBeLessThan(154)
  expect(Math.abs(shadowed - n * 0.05)).toBeLessThan(154)
})

test('a table is refused with the reason', () => {
  const of = (...points: number[]) => findTrafficFault(traffic(points), VARIANTS)
  expect(of(10_000, 0, 0, 0)).toBeNull()
  expect(of(9_999, 0, 0, 0)).toContain('sum to 9999')
  expect(of(10_001, -1, 0, 0)).toContain('0 or more')
  expect(findTrafficFault(traffic([10_000]), ['other'])).toContain('no variant "v1"')
  expect(
    findTrafficFault({ ...traffic([10_000]), shadows: [{ variant: 'v2', share: 1.5 }] }, VARIANTS)
  ).toContain('from 0 to 1')
})
