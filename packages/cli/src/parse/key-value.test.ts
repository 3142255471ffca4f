import fc from 'fast-check'
import { expect, test } from 'vitest'
import { collectPair, parseScalar, rowOf } from './key-value.ts'

test('every number reads as itself, and an integer that would lose digits stays text', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.maxSafeInteger()),
      (value) => {
        fc.pre(!Number.isInteger(value) || Number.isSafeInteger(value))
        expect(parseScalar(JSON.stringify(value))).toBe(Number(JSON.stringify(value)))
      }
    )
  )
  expect(parseScalar('9007199254740993')).toBe('9007199254740993')
  expect(['007', '1e', '0x10', '', 'NaN', '+1'].map(parseScalar)).toEqual([
    ...['007', '1e', '0x10', '', 'NaN', '+1'],
  ])
  expect(['true', 'null', '-0.5e3'].map(parseScalar)).toEqual([true, null, -500])
})

test('a value may hold "=", a key may not be missing or come twice', () => {
  expect(rowOf(collectPair('a=b=c', { n: '1' }))).toEqual({ n: 1, a: 'b=c' })
  expect(() => collectPair('=1')).toThrow('key=value')
  expect(() => collectPair('a=1', { a: '2' })).toThrow('twice')
})
