import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toBrain, toHalf, writeElement } from './element.ts'
import { allocate, fromBrain, fromHalf, type Datatype } from './tensor.ts'

const write = (datatype: Exclude<Datatype, 'BYTES'>, value: unknown) => {
  const data = allocate(datatype, 1)
  return writeElement({ datatype, data }, 0, value) ? data[0] : 'refused'
}

test('every half and every bfloat16 survives the way to a number and back', () => {
  for (let bits = 0; bits < 65_536; bits++) {
    const half = fromHalf(bits)
    if (!Number.isNaN(half) && toHalf(half) !== bits) throw new Error(`half ${bits}`)
    const brain = fromBrain(bits)
    if (!Number.isNaN(brain) && toBrain(brain) !== bits) throw new Error(`bfloat16 ${bits}`)
  }
})

test('a number becomes the nearest half', () => {
  fc.assert(
    fc.property(fc.float({ noNaN: true, min: -65_504, max: 65_504 }), (value) => {
      const bits = toHalf(value)
      const error = Math.abs(fromHalf(bits) - value)
      return [bits - 1, bits + 1].every((other) => {
        const near = fromHalf(other & 0xffff)
        return Number.isNaN(near) || error <= Math.abs(near - value)
      })
    })
  )
  expect(toHalf(1e9)).toBe(0x7c00)
  expect(Number.isNaN(fromHalf(toHalf(NaN)))).toBe(true)
})

test('whole numbers are kept exactly or refused, never rounded or wrapped', () => {
  expect(write('INT64', 9_007_199_254_740_993n)).toBe(9_007_199_254_740_993n)
  expect(write('INT64', 2 ** 53)).toBe('refused')
  expect(write('INT64', 2n ** 63n)).toBe('refused')
  expect(write('UINT64', -1)).toBe('refused')
  expect(write('UINT64', 2n ** 64n - 1n)).toBe(2n ** 64n - 1n)
  expect(write('INT8', 128)).toBe('refused')
  expect(write('UINT32', 4_294_967_295)).toBe(4_294_967_295)
  expect(write('INT32', 1.5)).toBe('refused')
  expect(write('INT32', '1')).toBe('refused')
  expect(write('BOOL', 2)).toBe('refused')
})

test('null is NaN for floats and nothing else', () => {
  expect(write('FP32', null)).toBeNaN()
  expect(write('INT32', null)).toBe('refused')
  expect(write('FP64', '1.5')).toBe('refused')
})
