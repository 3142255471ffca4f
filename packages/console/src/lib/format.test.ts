import { expect, test } from 'vitest'
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatNumber,
  formatRelative,
  formatShare,
  formatUsd,
} from './format.ts'

test('a duration is said in the unit a person would use', () => {
  const said = [0, 0.418, 18.4, 1300, 240_000, 7_200_000, 259_200_000].map(formatDuration)
  expect(said).toEqual(['0 ms', '0.42 ms', '18 ms', '1.3 s', '4 min', '2 h', '3 d'])
})

test('a small share keeps the digits that tell it from nothing', () => {
  const said = [0, 0.0004, 0.0123, 0.5, 1].map(formatShare)
  expect(said).toEqual(['0 %', '0.04 %', '1.23 %', '50 %', '100 %'])
})

test('money below a dollar keeps four significant digits, above it two decimals', () => {
  const said = ['0', '0.000000123456', '0.01234567', '1.5', '12345.678'].map(formatUsd)
  expect(said).toEqual(['$0', '$0.0000001235', '$0.01235', '$1.50', '$12,345.68'])
})

test('counts and bytes change unit, numbers keep what matters', () => {
  expect([999, 12_345, 1_250_000].map(formatCount)).toEqual(['999', '12,345', '1.3M'])
  expect([0, 999, 1500, 2_500_000].map(formatBytes)).toEqual(['0 B', '999 B', '1.5 kB', '2.5 MB'])
  expect([0.123456, 1234.5678, 0.0000123].map(formatNumber)).toEqual([
    '0.1235',
    '1,234.57',
    '1.23e-5',
  ])
})

test('a time is told from now, before and after', () => {
  const now = 1_000_000_000_000
  expect(formatRelative(now - 1000, now)).toBe('just now')
  expect(formatRelative(now - 180_000, now)).toBe('3 min ago')
  expect(formatRelative(now + 7_200_000, now)).toMatch(/^in 2 h/)
})
