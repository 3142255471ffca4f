import { encodeValue } from './record.ts'

/** Doubles in memory's own form, as base64: writing them as decimal digits is most of what a log record costs. */
export type PackedNumbers = Readonly<{ f64: string }>

/** Packs numbers. */
export const pack = (values: Float64Array): PackedNumbers => ({
  f64: Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64'),
})

/** Packs a list when all of it is numbers; any other list is given back. */
export function packIfNumbers<T>(values: readonly T[]): readonly T[] | PackedNumbers {
  const numbers = new Float64Array(values.length)
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if (typeof value !== 'number') return values
    numbers[i] = value
  }
  return pack(numbers)
}

/** The list that was packed, with NaN and infinities as text, as JSON needs them. */
export function unpack<T>(values: readonly T[] | PackedNumbers): readonly (T | number | string)[] {
  if (!('f64' in values)) return values
  const bytes = Buffer.from(values.f64, 'base64')
  // Copied: a Float64Array must begin on a multiple of 8 bytes.
  const numbers = new Float64Array(new Uint8Array(bytes).buffer)
  return Array.from(numbers, (value) => encodeValue(value) as number | string)
}
