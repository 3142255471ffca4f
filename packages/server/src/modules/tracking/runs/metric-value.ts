/** A metric's value as the databases hold it. */
export type StoredValue = Readonly<{ value: number; isNan: 0 | 1 }>

/** NaN becomes 0 with a flag, an infinity the largest double: neither database sorts or holds them alike, and MLflow does the same. */
export function toStored(value: number): StoredValue {
  if (Number.isNaN(value)) return { value: 0, isNan: 1 }
  if (value === Infinity) return { value: Number.MAX_VALUE, isNan: 0 }
  if (value === -Infinity) return { value: -Number.MAX_VALUE, isNan: 0 }
  return { value, isNan: 0 }
}

export const fromStored = (row: Readonly<{ value: number; is_nan: number }>): number =>
  row.is_nan === 1 ? Number.NaN : row.value

/** A value as JSON carries it. */
export const toWireValue = (value: number): number | 'NaN' => (Number.isNaN(value) ? 'NaN' : value)
