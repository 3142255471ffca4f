import { expect, test } from 'vitest'
import { isFrozen } from './window.ts'

const at = (text: string): number => Date.parse(text)

test('a dated window holds from its beginning until just before its end', () => {
  const window = {
    when: { kind: 'once' as const, from: at('2026-12-23T00:00Z'), to: at('2027-01-02T00:00Z') },
  }
  expect(isFrozen(window, at('2026-12-22T23:59:59.999Z'))).toBe(false)
  expect(isFrozen(window, at('2026-12-23T00:00Z'))).toBe(true)
  expect(isFrozen(window, at('2027-01-01T23:59Z'))).toBe(true)
  expect(isFrozen(window, at('2027-01-02T00:00Z'))).toBe(false)
})

test('a weekly window over midnight belongs to the day on which it begins, by the clocks of its zone', () => {
  const friday = {
    when: {
      kind: 'weekly' as const,
      days: ['fri' as const],
      from: '18:00',
      to: '08:00',
      timeZone: 'Europe/Berlin',
    },
  }
  // Winter in Berlin is UTC+1, summer UTC+2; 27 November 2026 and 26 June 2026 are Fridays.
  expect(isFrozen(friday, at('2026-11-27T16:59Z'))).toBe(false)
  expect(isFrozen(friday, at('2026-11-27T17:00Z'))).toBe(true)
  expect(isFrozen(friday, at('2026-11-28T06:59Z'))).toBe(true)
  expect(isFrozen(friday, at('2026-11-28T07:00Z'))).toBe(false)
  expect(isFrozen(friday, at('2026-11-28T18:00Z'))).toBe(false)
  expect(isFrozen(friday, at('2026-06-26T16:00Z'))).toBe(true)
  expect(isFrozen(friday, at('2026-06-26T15:59Z'))).toBe(false)
})

test('the same time twice is the whole day', () => {
  const sunday = {
    when: {
      kind: 'weekly' as const,
      days: ['sun' as const],
      from: '00:00',
      to: '00:00',
      timeZone: 'UTC',
    },
  }
  expect(isFrozen(sunday, at('2026-11-29T00:00Z'))).toBe(true)
  expect(isFrozen(sunday, at('2026-11-29T23:59Z'))).toBe(true)
  expect(isFrozen(sunday, at('2026-11-30T00:00Z'))).toBe(false)
  expect(isFrozen(sunday, at('2026-11-28T23:59Z'))).toBe(false)
})
