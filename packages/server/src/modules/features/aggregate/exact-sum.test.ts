import fc from 'fast-check'
import { expect, test } from 'vitest'
import { addTo, emptySum, integerSumOf, mergeSum, sumOf } from './exact-sum.ts'

/** A double as an integer of 2^-1074ths, so that a sum of these is exact; Number(BigInt) then rounds half to even. */
function scaled(value: number): bigint {
  let exponent = 0
  let mantissa = value
  while (!Number.isInteger(mantissa)) {
    mantissa *= 2
    exponent += 1
  }
  return BigInt(mantissa) << BigInt(200 - exponent)
}

const numbers = fc.array(
  fc.oneof(
    fc.double({ min: -1e15, max: 1e15, noNaN: true }).map((x) => Math.round(x * 1024) / 1024),
    fc.integer({ min: -40, max: 60 }).map((e) => 2 ** e),
    fc.integer({ min: -40, max: 60 }).map((e) => -(2 ** e)),
    fc.constantFrom(0.1, -0.1, 0.3, 1e16, -1e16, 1 + 2 ** -52)
  ),
  { maxLength: 40 }
)

test('a sum is the double nearest to the exact one, in any order and split over any tiles', () => {
  fc.assert(
    fc.property(numbers, fc.infiniteStream(fc.nat()), (given, random) => {
      const expected = Number(given.reduce((t, x) => t + scaled(x), 0n)) * 2 ** -200
      const shuffled = given
        .map((x) => ({ x, at: random.next().value }))
        .sort((a, b) => a.at - b.at)
        .map(({ x }) => x)
      const [left, right] = [emptySum(), emptySum()]
      shuffled.forEach((x, i) => addTo(i % 3 === 0 ? left : right, x))
      mergeSum(left, right)
      expect(sumOf(left)).toBe(expected === 0 ? 0 : expected)
    }),
    { numRuns: 2_000, seed: 7 }
  )
})

test('integers beyond 2^53 add up to the last digit', () => {
  const sum = emptySum()
  for (const value of [9_007_199_254_740_993n, 9_007_199_254_740_993n, 1, -3n]) addTo(sum, value)
  expect(integerSumOf(sum)).toBe(18_014_398_509_481_984n)
})

test('infinities and NaN are what addition makes of them, and a half-way case goes to the even side', () => {
  const of = (...values: number[]) => {
    const sum = emptySum()
    for (const value of values) addTo(sum, value)
    return sumOf(sum)
  }
  expect([of(1, Infinity), of(-Infinity, 1), of(Infinity, -Infinity), of(NaN, 1), of()]).toEqual([
    Infinity,
    -Infinity,
    NaN,
    NaN,
    0,
  ])
  expect(of(1e16, 1, 1e-16)).toBe(10000000000000002)
  expect(of(1e16, 1)).toBe(1e16)
})
