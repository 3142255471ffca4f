import { expect, test } from 'vitest'
import { brokenRule, createSpendMinutes } from './burn-rate.ts'
import { forecast, type HourlySpend } from './forecast.ts'

const HOUR = 3_600_000
const MONDAY = Date.UTC(2026, 10, 16)

/** Two weeks in which only office hours cost: a dollar each. */
const office: HourlySpend = Array.from({ length: 14 * 24 }, (_, i) => ({
  hour: MONDAY + i * HOUR,
  usd: i % 24 >= 9 && i % 24 < 17 ? 1 : 0,
}))

test('a forecast knows the hours of the week: at night it does not go on as by day', () => {
  const day = MONDAY + 14 * 24 * HOUR
  const window = { from: day, to: day + 24 * HOUR }
  const evening = forecast(office, window, { now: day + 18 * HOUR, spent: 8, limit: 100 })
  expect(evening).toEqual({ usd: 8, highUsd: 8, exhaustedAt: null })
  const morning = forecast(office, window, { now: day + 8 * HOUR, spent: 0, limit: 4 })
  expect(morning.usd).toBe(8)
  expect(morning.exhaustedAt).toBe(day + 13 * HOUR)
})

test('with little history the pace so far goes on, and the band says how little is known', () => {
  const window = { from: MONDAY, to: MONDAY + 24 * HOUR }
  const half = forecast([], window, { now: MONDAY + 12 * HOUR, spent: 6, limit: 10 })
  expect(half.usd).toBeCloseTo(12, 9)
  expect(half.highUsd).toBeGreaterThan(13)
  expect(half.exhaustedAt).toBeCloseTo(MONDAY + 20 * HOUR, -1)
})

const month = { period: 'month' as const, limit: 720, periodMs: 720 * HOUR }

test('2 % of a month in an hour alerts while it goes on, and ends five minutes after it stops', () => {
  const minutes = createSpendMinutes()
  const now = MONDAY + 24 * HOUR
  for (let i = 59; i >= 0; i--) minutes.add(now - i * 60_000, 14.5 / 60)
  expect(brokenRule(minutes, month, now)).toMatchObject({ rate: 14.4 })
  expect(brokenRule(minutes, month, now + 6 * 60_000)?.rate).not.toBe(14.4)
})

test('a steady spend that lasts the month exactly alerts on no fast rule; a spike of five minutes on none', () => {
  const minutes = createSpendMinutes()
  const now = MONDAY + 96 * HOUR
  for (let i = 72 * 60 - 1; i >= 0; i--) minutes.add(now - i * 60_000, 0.9 / 60)
  expect(brokenRule(minutes, month, now)).toBeNull()
  minutes.add(now, 1.2)
  expect(brokenRule(minutes, month, now)).toBeNull()
})
