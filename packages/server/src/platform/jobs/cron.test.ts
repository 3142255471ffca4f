import { expect, test } from 'vitest'
import { nextTurn } from './cron.ts'

const at = (text: string): number => Date.parse(text)
const turns = (cron: string, timeZone: string, from: string, count: number): string[] => {
  const found: string[] = []
  for (let now = at(from); found.length < count;) {
    now = nextTurn({ cron, timeZone }, now) ?? Infinity
    found.push(new Date(now).toISOString())
  }
  return found
}

test('turns are those of the place’s clocks', () => {
  expect(turns('15 6 * * 1-5', 'UTC', '2026-01-02T06:15:00Z', 2)).toEqual([
    '2026-01-05T06:15:00.000Z',
    '2026-01-06T06:15:00.000Z',
  ])
  expect(turns('0 9 * * *', 'Asia/Kolkata', '2026-01-02T00:00:00Z', 1)).toEqual([
    '2026-01-02T03:30:00.000Z',
  ])
})

test('a night with 23 hours and one with 25 have one turn each', () => {
  // Berlin's clocks go from 02:00 to 03:00 on 29 March, and from 03:00 back to 02:00 on 25 October.
  expect(turns('30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', 2)).toEqual([
    '2026-03-29T01:00:00.000Z',
    '2026-03-30T00:30:00.000Z',
  ])
  expect(turns('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', 2)).toEqual([
    '2026-10-25T00:30:00.000Z',
    '2026-10-26T01:30:00.000Z',
  ])
})

test('what is no schedule is refused, and one without turns has none', () => {
  expect(() => nextTurn({ cron: '61 * * * *', timeZone: 'UTC' }, 0)).toThrow(/61/)
  expect(() => nextTurn({ cron: '0 * * * *', timeZone: 'Mars/Base' }, 0)).toThrow(/Mars\/Base/)
  expect(nextTurn({ cron: '0 0 30 2 *', timeZone: 'UTC' }, 0)).toBeNull()
})
