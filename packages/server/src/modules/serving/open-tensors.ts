import { fail } from '../../platform/errors.ts'
import { isRecord } from './named-inputs.ts'
import { allocate, type Tensor } from './tensor.ts'

/**
 * Tensors from rows whose model says nothing of its inputs: one for each name of records, one called `bareName` for bare values. Numbers become FP64
 * (INT64 when one is beyond 2^53), texts BYTES, truths BOOL. Throws `request.invalid` for mixed or ragged values.
 */
export function tensorsFromRows(rows: readonly unknown[], bareName: string): Tensor[] {
  const [first] = rows
  if (!isRecord(first)) return [tensorOf(bareName, rows)]
  return Object.keys(first).map((name) =>
    tensorOf(
      name,
      rows.map((row, i) => {
        if (isRecord(row) && Object.hasOwn(row, name)) return row[name]
        throw fail('request.invalid', `row ${i} has no "${name}", and row 0 has`)
      })
    )
  )
}

const MAX_DEPTH = 16

function tensorOf(name: string, values: readonly unknown[]): Tensor {
  const inner: number[] = []
  for (let at = values[0]; Array.isArray(at) && inner.length < MAX_DEPTH; at = at[0] as unknown)
    inner.push(at.length)
  const flat: unknown[] = inner.length === 0 ? [...values] : values.flat(inner.length)
  const shape = [values.length, ...inner]
  const count = shape.reduce((product, dim) => product * dim, 1)
  if (flat.length !== count || flat.some((value) => Array.isArray(value)))
    throw fail('request.invalid', `"${name}": nested lists must all have the same lengths`)
  if (flat.every((value) => typeof value === 'string'))
    return { name, datatype: 'BYTES', shape, data: flat }
  if (flat.every((value) => typeof value === 'boolean'))
    return { name, datatype: 'BOOL', shape, data: Uint8Array.from(flat, Number) }
  if (flat.some((value) => typeof value === 'bigint') && flat.every(isWhole)) {
    const data = BigInt64Array.from(flat, (value) => BigInt(value))
    return { name, datatype: 'INT64', shape, data }
  }
  const data = allocate('FP64', count)
  for (const [i, value] of flat.entries()) {
    if (typeof value !== 'number' && typeof value !== 'bigint' && value !== null)
      throw fail(
        'request.invalid',
        `"${name}": its values must all be numbers, all texts or all truths`
      )
    data[i] = value === null ? NaN : Number(value)
  }
  return { name, datatype: 'FP64', shape, data }
}

const isWhole = (value: unknown): value is number | bigint =>
  typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value))
