import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isTimeZone, windowOf, type Period } from './windows.ts'

const at = (text: string): number => Date.parse(text)
const iso = ({ from, to }: { from: number; to: number }) => [
  new Date(from).toISOString(),
  new Date(to).toISOString(),
]

test('a day in Berlin has 23 hours when the clocks go forward and 25 when they go back', () => {
  expect(iso(windowOf('day', 'Europe/Berlin', at('2026-03-29T12:00:00Z')))).toEqual([
    '2026-03-28T23:00:00.000Z',
    '2026-03-29T22:00:00.000Z',
  ])
  expect(iso(windowOf('day', 'Europe/Berlin', at('2026-10-25T12:00:00Z')))).toEqual([
    '2026-10-24T22:00:00.000Z',
    '2026-10-25T23:00:00.000Z',
  ])
})

test('a day whose midnight is skipped begins when the clocks have been put forward', () => {
  // Chile puts its clocks forward at midnight: 6 September 2026 begins at 01:00 local.
  const { from, to } = windowOf('day', 'America/Santiago', at('2026-09-06T15:00:00Z'))
  expect(to - from).toBe(23 * 3_600_000)
})

test('weeks begin on Monday, months on the first, in UTC and beside it', () => {
  expect(iso(windowOf('week', 'UTC', at('2026-11-29T23:59:59Z')))).toEqual([
    '2026-11-23T00:00:00.000Z',
    '2026-11-30T00:00:00.000Z',
  ])
  expect(iso(windowOf('month', 'Asia/Kolkata', at('2026-01-31T18:30:00Z')))).toEqual([
    '2026-01-31T18:30:00.000Z',
    '2026-02-28T18:30:00.000Z',
  ])
  expect(iso(windowOf('hour', 'Asia/Kolkata', at('2026-01-31T18:42:10.250Z')))).toEqual([
    '2026-01-31T18:30:00.000Z',
    '2026-01-31T19:30:00.000Z',
  ])
})

test('every moment is in its own window, and the next window begins where it ends', () => {
  const zones = [
    'UTC',
    'Europe/Berlin',
    'America/New_York',
    'Asia/Kolkata',
    'Australia/Lord_Howe',
    'Pacific/Apia',
    'America/Santiago',
  ]
  const periods: Period[] = ['hour', 'day', 'week', 'month']
  fc.assert(
    fc.property(
      fc.integer({ min: at('2012-01-01'), max: at('2030-01-01') }),
      fc.constantFrom(...zones),
      fc.constantFrom(...periods),
      (now, zone, period) => {
        const window = windowOf(period, zone, now)
        expect(window.from).toBeLessThanOrEqual(now)
        expect(window.to).toBeGreaterThan(now)
        expect(windowOf(period, zone, window.from)).toEqual(window)
        expect(windowOf(period, zone, window.to).from).toBe(window.to)
      }
    ),
    { numRuns: 300 }
  )
})

test('a zone that does not exist is none', () => {
  expect([isTimeZone('Europe/Berlin'), isTimeZone('Mars/Olympus')]).toEqual([true, false])
})
