import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatMoney, multiplyMoney, parseMoney, splitMoney } from './money.ts'

test('money reads and writes exact decimals, also in exponent form', () => {
  expect(parseMoney('0.0408')).toBe(40_800_000_000n)
  expect(parseMoney('2.5e-06')).toBe(2_500_000n)
  expect(parseMoney('1e2')).toBe(100_000_000_000_000n)
  expect(formatMoney(-1_500_000_000_000n)).toBe('-1.5')
  fc.assert(
    fc.property(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), (units) => {
      expect(parseMoney(formatMoney(units))).toBe(units)
    })
  )
})

test('a price with digits that cannot be kept is refused, not rounded', () => {
  for (const text of ['1e-13', '0.0000000000001', '', 'NaN', '1,5', '0x10', ' 1', '1.', '.5'])
    expect(parseMoney(text)).toBeNull()
})

test('multiplying rounds half to even and is never off by more than half a unit', () => {
  expect(multiplyMoney(1n, 1n, 2n)).toBe(0n)
  expect(multiplyMoney(3n, 1n, 2n)).toBe(2n)
  expect(multiplyMoney(-3n, 1n, 2n)).toBe(-2n)
  fc.assert(
    fc.property(fc.bigInt(), fc.bigInt(), fc.bigInt({ min: 1n, max: 10n ** 12n }), (m, n, d) => {
      const difference = multiplyMoney(m, n, d) * d - m * n
      expect((difference < 0n ? -difference : difference) * 2n <= d).toBe(true)
    })
  )
})

test('a split sums to the whole, gives nothing to weight zero, and is off by less than one unit each', () => {
  const weights = fc.array(fc.bigInt({ min: 0n, max: 10n ** 15n }), { minLength: 1, maxLength: 30 })
  fc.assert(
    fc.property(fc.bigInt({ min: -(10n ** 24n), max: 10n ** 24n }), weights, (total, w) => {
      const parts = splitMoney(total, w)
      const sum = w.reduce((a, b) => a + b, 0n)
      if (sum === 0n) {
        expect(parts).toBeNull()
        return
      }
      expect(parts?.reduce((a, b) => a + b, 0n)).toBe(total)
      parts?.forEach((part, i) => {
        const off = part * sum - total * (w[i] ?? 0n)
        expect((off < 0n ? -off : off) < sum).toBe(true)
        if (w[i] === 0n) expect(part).toBe(0n)
      })
    })
  )
  expect(splitMoney(100n, [1n, 1n, 1n])).toEqual([34n, 33n, 33n])
})
