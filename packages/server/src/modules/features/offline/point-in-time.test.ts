import { expect, test } from 'vitest'
import { choosePlan } from './point-in-time.ts'

const DAY = 86_400_000_000
const facts = { rows: 10_000_000, keys: 100_000, spanUs: 90 * DAY, late: 0 }

test('few rows within the ttl are looked at one by one, many are found by order', () => {
  expect(choosePlan('as-corrected', 7 * DAY, facts)).toBe('range')
  expect(choosePlan('as-corrected', null, facts)).toBe('asof')
  expect(choosePlan('as-corrected', 7 * DAY, { ...facts, keys: 300 })).toBe('asof')
  expect(choosePlan('as-corrected', null, { ...facts, rows: 500_000 })).toBe('range')
  expect(choosePlan('as-corrected', null, { rows: 0, keys: 0, spanUs: 0, late: 0 })).toBe('range')
})

test('as known is as corrected where every row was known by its event time', () => {
  expect(choosePlan('as-known', null, facts)).toBe('asof')
  expect(choosePlan('as-known', null, { ...facts, late: 1 })).toBe('running')
  expect(choosePlan('as-known', DAY, { ...facts, late: 1 })).toBe('range')
})
