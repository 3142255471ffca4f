import { expect, test } from 'vitest'
import { reference } from '../../test/reference.ts'
import { benjaminiHochberg, benjaminiYekutieli, bonferroni } from './adjust.ts'

test('adjusted p-values agree with the reference, in any input order', () => {
  const { p, bh, by, bonferroni: family } = reference.multiple
  for (const [run, expected] of [
    [benjaminiHochberg, bh],
    [benjaminiYekutieli, by],
    [bonferroni, family],
  ] as const) {
    for (const [i, value] of run(p).entries()) expect(value).toBeCloseTo(expected[i]!, 12)
    for (const [i, value] of run(p.toReversed()).entries())
      expect(value).toBeCloseTo(expected.toReversed()[i]!, 12)
  }
})

test('a test without an answer stays NaN and costs the others nothing', () => {
  expect(benjaminiHochberg([0.01, NaN, 0.5])).toEqual([0.02, NaN, 0.5])
  expect(bonferroni([0.01, NaN, 0.5])).toEqual([0.02, NaN, 1])
  expect(benjaminiYekutieli([])).toEqual([])
})
