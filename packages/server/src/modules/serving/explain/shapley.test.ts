import fc from 'fast-check'
import { expect, test } from 'vitest'
import { shapley, type Score } from './shapley.ts'

const settings = { maxRows: 4_096, random: seeded() }
const scoreBy =
  (f: (row: readonly number[]) => number): Score =>
  async (rows) =>
    rows.map(f)

/** A small repeatable generator (Park and Miller). */
function seeded(): () => number {
  let state = 42
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
}

test('of a linear model the share of a feature is its weight times its distance from the background’s mean', async () => {
  const weights = [2, -3, 0.5]
  const f = scoreBy((row) => row.reduce((sum, x, i) => sum + x * (weights[i] ?? 0), 1))
  const background = [
    [0, 0, 0],
    [2, 4, 8],
  ]
  const { base, value, shares } = await shapley(f, { row: [5, 1, 2], background }, settings)
  expect(base).toBeCloseTo(1 + 2 - 6 + 2, 12)
  expect(value).toBeCloseTo(1 + 10 - 3 + 1, 12)
  expect(shares[0]).toBeCloseTo(2 * (5 - 1), 12)
  expect(shares[1]).toBeCloseTo(-3 * (1 - 2), 12)
  expect(shares[2]).toBeCloseTo(0.5 * (2 - 4), 12)
})

test('the glove game of the textbooks: left glove 2/3, each right glove 1/6', async () => {
  // Shapley 1953's solution of the game in which a pair of gloves is worth 1 and players 2 and 3 both hold right ones.
  const f = scoreBy(([left = 0, one = 0, two = 0]) => (left > 0 && one + two > 0 ? 1 : 0))
  const { shares } = await shapley(f, { row: [1, 1, 1], background: [[0, 0, 0]] }, settings)
  expect(shares[0]).toBeCloseTo(2 / 3, 12)
  expect(shares[1]).toBeCloseTo(1 / 6, 12)
  expect(shares[2]).toBeCloseTo(1 / 6, 12)
})

test('shares sum to the distance from the base, exact and sampled, and a feature without effect gets nothing', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 20, max: 4_096 }),
      async (row, maxRows) => {
        const f = scoreBy((r) => Math.sin(r[0] ?? 0) * (1 + (r[1] ?? 0)) + (r[3] ?? 0) ** 2)
        const background = [row.map(() => 0), row.map((_, i) => i / 3)]
        const { base, value, shares } = await shapley(
          f,
          { row, background },
          { maxRows, random: seeded() }
        )
        expect(base + shares.reduce((a, b) => a + b, 0)).toBeCloseTo(value, 9)
        for (const i of [2, 4, 5]) if (i < row.length) expect(shares[i]).toBeCloseTo(0, 9)
      }
    ),
    { numRuns: 100 }
  )
})

test('sampling comes near the exact values where there are too many coalitions', async () => {
  const f = scoreBy(
    (r) => r.reduce((sum, x, i) => sum + x * (i + 1), 0) + (r[0] ?? 0) * (r[1] ?? 0)
  )
  const row = Array.from({ length: 14 }, () => 1)
  const background = [row.map(() => 0)]
  const { shares, method } = await shapley(f, { row, background }, settings)
  expect(method).toBe('sampled')
  expect(shares[0]).toBeCloseTo(1.5, 1)
  expect(shares[1]).toBeCloseTo(2.5, 1)
  expect(shares[13]).toBeCloseTo(14, 6)
})
