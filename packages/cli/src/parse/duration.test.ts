import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseDuration, parseMoment, showDuration } from './duration.ts'

test('durations need a unit', () => {
  expect(['500ms', '30s', '1.5m', '1h', '7d'].map(parseDuration)).toEqual([
    500, 30_000, 90_000, 3_600_000, 604_800_000,
  ])
  for (const wrong of ['30', 's', '-1s', '1w', '1 h', ''])
    expect(() => parseDuration(wrong)).toThrow('a unit')
})

test('a shown duration of whole units is read back as itself', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 23 }), fc.constantFrom('s', 'h', 'm'), (n, unit) => {
      expect(showDuration(parseDuration(`${n}${unit}`))).toBe(`${n}${unit}`)
    })
  )
})

test('a moment is how long ago, or a time', () => {
  expect(parseMoment('2026-11-23T18:00Z')).toBe(Date.UTC(2026, 10, 23, 18))
  expect(parseMoment('1795000000000')).toBe(1_795_000_000_000)
  expect(Date.now() - parseMoment('1h')).toBeGreaterThanOrEqual(3_600_000)
  expect(() => parseMoment('yesterday')).toThrow('7d')
})
