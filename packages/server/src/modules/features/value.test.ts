import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeKey, packRow, unpackRow } from './row-codec.ts'
import { parseInstantUs, parseValue, toWire } from './value.ts'

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })

describe('values', () => {
  test('every 64-bit integer survives JSON exactly', () => {
    fc.assert(
      fc.property(int64, (n) => {
        const value = parseValue('int64', n)
        const back = parseValue('int64', JSON.parse(JSON.stringify(toWire(value ?? null))))
        expect(BigInt(back as number)).toBe(n)
      })
    )
  })

  test('every double survives a packed row, the special ones too', () => {
    fc.assert(
      fc.property(fc.double(), fc.string(), (x, text) => {
        expect(unpackRow(packRow([x, text, null]), ['float64', 'string', 'int64', 'bool'])).toEqual(
          [x, text, null, null]
        )
      })
    )
  })

  test('a value of another type is refused, a widening one taken', () => {
    expect(parseValue('int64', 1.5)).toBeUndefined()
    expect(parseValue('int64', '9223372036854775808')).toBeUndefined()
    expect(parseValue('int64', 2 ** 53)).toBeUndefined()
    expect(parseValue('int32', 2147483648)).toBeUndefined()
    expect(parseValue('int32', '99999999999999999')).toBeUndefined()
    expect(parseValue('string', 7)).toBeUndefined()
    expect(parseValue('bool', 1)).toBeUndefined()
    expect(parseValue('float64', '1.5')).toBeUndefined()
    expect(parseValue('float64', 1)).toBe(1)
    expect(parseValue('float32', 0.2)).toBe(0.20000000298023224)
    expect(parseValue('int64', '9223372036854775807')).toBe(9223372036854775807n)
    expect(parseValue('int64', null)).toBeNull()
  })

  test('two different composite keys never have the same text', () => {
    expect(encodeKey([1, 12])).not.toBe(encodeKey([11, 2]))
    fc.assert(
      fc.property(
        fc.array(fc.string(), { minLength: 2, maxLength: 2 }),
        fc.array(fc.string(), { minLength: 2, maxLength: 2 }),
        (a, b) => {
          expect(encodeKey(a) === encodeKey(b)).toBe(JSON.stringify(a) === JSON.stringify(b))
        }
      )
    )
  })
})

describe('instants', () => {
  test.each([
    ['2024-01-01T01:00:00+01:00', 1_704_067_200_000_000],
    ['2023-12-31T17:00:00-08:00', 1_704_070_800_000_000],
    ['2024-01-01', 1_704_067_200_000_000],
    ['2024-01-01 00:00:00.000001', 1_704_067_200_000_001],
    ['2024-01-01 00:00:00+00:00', 1_704_067_200_000_000],
    [1_704_067_200_000, 1_704_067_200_000_000],
    ['1969-12-31T23:59:59.5Z', -500_000],
  ])('%s', (text, us) => expect(parseInstantUs(text)).toBe(us))

  test.each([
    '2024-02-30',
    '2024-13-01',
    'yesterday',
    '1704067200',
    '2024-01-01T25:00:00Z',
    true,
    null,
  ])('refuses %s', (text) => expect(parseInstantUs(text)).toBeUndefined())
})
