import { expect, test } from 'vitest'
import { parseMoney } from '../../kernel/money.ts'
import { budgetState, periodOf } from './budget-state.ts'

const budget = {
  project: 'default',
  name: 'b',
  endpoint: null,
  period: 'day' as const,
  usd: '10',
  warn_at: 0.8,
  hard_stop: 1,
}
const DAY = Date.UTC(2026, 10, 23)

test('a budget goes from ok over warning to exceeded, and forecasts at the pace so far', () => {
  const at = (usd: string) => budgetState(budget, parseMoney(usd), DAY + 43_200_000)
  expect(at('4')).toMatchObject({ state: 'ok', share: 0.4, forecastUsd: '8', exhaustedAt: null })
  expect(at('8')).toMatchObject({
    state: 'warning',
    forecastUsd: '16',
    exhaustedAt: DAY + 54_000_000,
  })
  expect(at('10')).toMatchObject({ state: 'exceeded' })
})

test('use without a price leaves a budget unknown, not ok', () => {
  expect(budgetState(budget, null, DAY + 1)).toMatchObject({ state: 'unknown', spentUsd: null })
})

test('a month is a calendar month in UTC', () => {
  expect(periodOf('month', Date.UTC(2028, 1, 29, 23, 59))).toEqual({
    from: Date.UTC(2028, 1, 1),
    to: Date.UTC(2028, 2, 1),
  })
})
