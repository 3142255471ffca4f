/** JSON has no infinities: they travel as strings; null means "none yet". */
export type JsonNumber = number | 'Infinity' | '-Infinity' | null

export function encodeNumbers(values: ArrayLike<number>): JsonNumber[] {
  return Array.from(values, (value) =>
    value === Infinity ? 'Infinity' : value === -Infinity ? '-Infinity' : value
  )
}

export function decodeNumbers(values: readonly JsonNumber[]): Float64Array {
  return Float64Array.from(values, (value) => (value === null ? NaN : Number(value)))
}
