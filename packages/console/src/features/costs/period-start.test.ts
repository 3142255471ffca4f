import { expect, test } from 'vitest'
import { periodStart } from './period-start.ts'

test('hours and days of a cost report begin in UTC, wherever the reader sits', () => {
  expect(periodStart('2026-11-23T20')).toBe(Date.UTC(2026, 10, 23, 20))
  expect(periodStart('2026-11-23')).toBe(Date.UTC(2026, 10, 23))
})
