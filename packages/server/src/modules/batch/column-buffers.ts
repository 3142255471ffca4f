import type { DuckDBDataChunk, DuckDBValue } from '@duckdb/node-api'
import { numbersOf, validityOf } from '../../platform/duckdb/index.ts'
import type { Scalar } from '../../kernel/scalar.ts'
import type { Datatype } from '../serving/index.ts'

/** How DuckDB reads a column in a model's own type. */
export const SQL_TYPE: Readonly<Record<Datatype, string>> = {
  BOOL: 'BOOLEAN',
  INT8: 'TINYINT',
  INT16: 'SMALLINT',
  INT32: 'INTEGER',
  INT64: 'BIGINT',
  UINT8: 'UTINYINT',
  UINT16: 'USMALLINT',
  UINT32: 'UINTEGER',
  UINT64: 'UBIGINT',
  FP16: 'FLOAT',
  BF16: 'FLOAT',
  FP32: 'FLOAT',
  FP64: 'DOUBLE',
  BYTES: 'VARCHAR',
}

type Floats = Float32Array | Float64Array
export type Values = ArrayLike<Scalar | null>

/** Gathers the chunks of a query into columns of up to `capacity` rows. Floats lie in typed arrays, null as NaN. */
export class ColumnBuffers {
  readonly capacity: number
  rows = 0
  readonly #columns: (Floats | (Scalar | null)[])[]

  /** `types` are SQL types; null for a column that is kept as it comes. */
  constructor(types: readonly (string | null)[], capacity: number) {
    this.capacity = capacity
    this.#columns = types.map((type) =>
      type === 'FLOAT'
        ? new Float32Array(capacity)
        : type === 'DOUBLE'
          ? new Float64Array(capacity)
          : []
    )
  }

  /** What `column` gave before is no longer valid. */
  clear(): void {
    this.rows = 0
    for (const column of this.#columns) if (Array.isArray(column)) column.length = 0
  }

  /** Takes rows `from` onwards of a chunk, as many as there is room for, and returns how many. */
  take(chunk: DuckDBDataChunk, from: number): number {
    const count = Math.min(chunk.rowCount - from, this.capacity - this.rows)
    for (const [i, column] of this.#columns.entries()) {
      if (Array.isArray(column)) {
        const values = chunk.getColumnValues(i)
        for (let row = from; row < from + count; row++) column.push(scalarOf(values[row]))
        continue
      }
      const items = numbersOf(chunk, i)
      if (
        (items instanceof Float32Array || items instanceof Float64Array) &&
        validityOf(chunk, i) === null
      )
        column.set(items.subarray(from, from + count), this.rows)
      else {
        const vector = chunk.getColumnVector(i)
        for (let row = 0; row < count; row++)
          column[this.rows + row] = Number(vector.getItem(from + row) ?? NaN)
      }
    }
    this.rows += count
    return count
  }

  column(i: number): Values {
    const column = this.#columns[i] ?? []
    return Array.isArray(column) ? column : column.subarray(0, this.rows)
  }
}

function scalarOf(value: DuckDBValue | undefined): Scalar | null {
  if (value === null || value === undefined) return null
  return typeof value === 'object' ? value.toString() : value
}

export const sliceValues = (values: Values, from: number, to: number): Values =>
  ArrayBuffer.isView(values)
    ? (values as unknown as Float32Array).subarray(from, to)
    : (values as (Scalar | null)[]).slice(from, to)
