import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createRetryBudget } from './retry-budget.ts'

test('however calls and failures fall, retries stay below a fifth of the calls and what was saved up', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 2_000 }), (wantsRetry) => {
      const budget = createRetryBudget()
      let retries = 0
      for (const wants of wantsRetry) {
        budget.earn()
        if (wants && budget.spend()) retries++
      }
      expect(retries).toBeLessThanOrEqual(10 + wantsRetry.length / 5 + 1e-6)
    })
  )
})

test('a backend that is down gets ten retries at once, then one for five calls; a quiet day saves up a hundred', () => {
  const budget = createRetryBudget()
  const spendAll = (): number => {
    let spent = 0
    while (budget.spend()) spent++
    return spent
  }
  expect(spendAll()).toBe(10)
  for (let i = 0; i < 50; i++) budget.earn()
  // Ten fifths are not exactly two in binary: one call more makes sure.
  budget.earn()
  expect(spendAll()).toBe(10)
  for (let i = 0; i < 10_000; i++) budget.earn()
  expect(spendAll()).toBe(100)
})
