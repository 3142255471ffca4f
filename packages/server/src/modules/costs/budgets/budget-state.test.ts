import { expect, test } from 'vitest'
import { parseMoney } from '../../../kernel/money.ts'
import { budgetState } from './budget-state.ts'
import type { BudgetRow } from './store.ts'

const budget: BudgetRow = {
  project: 'default',
  name: 'b',
  endpoint: null,
  api_key_id: null,
  tag: null,
  every_project: 0,
  period: 'day',
  time_zone: 'UTC',
  usd: '10',
  warn_at: 0.8,
  hard_stop: 1,
}
const DAY = Date.UTC(2026, 10, 23)
const NOON = DAY + 43_200_000
const at = (usd: string | null, now = NOON) =>
  budgetState(budget, {
    spent: usd === null ? null : parseMoney(usd),
    held: 0n,
    history: [],
    lastHourUsd: 0.5,
    now,
  })

test('a budget goes from ok over warning to exceeded, and forecasts at the pace so far', () => {
  expect(at('4')).toMatchObject({ state: 'ok', share: 0.4, forecastUsd: '8', exhaustedAt: null })
  expect(at('8')).toMatchObject({
    state: 'warning',
    forecastUsd: '16',
    exhaustedAt: DAY + 54_000_000,
  })
  expect(at('10')).toMatchObject({ state: 'exceeded' })
})

test('half a dollar in an hour burns ten dollars a day at 1.2 times the pace', () => {
  expect(at('4').burnRate).toBeCloseTo(1.2, 12)
})

test('use without a price leaves a budget unknown, not ok', () => {
  expect(at(null, DAY + 1)).toMatchObject({ state: 'unknown', spentUsd: null, forecastUsd: null })
})
