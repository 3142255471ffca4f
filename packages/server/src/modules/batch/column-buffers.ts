import type { DuckDBDataChunk, DuckDBValue } from '@duckdb/node-api'
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

/** What the vectors of numbers are inside; the engine's types hide it, and a call for each value costs ten times as much. */
type NumberVector = Readonly<{ items?: unknown; validity?: { data: BigUint64Array | null } }>

/** Gathers the chunks of a query into columns of up to `capacity` rows. Floats lie in typed arrays, null as NaN. */
export class ColumnBuffers {
  readonly capacity: number
  rows = 0
  #types: readonly (string | null)[]
  #columns: (Floats | (Scalar | null)[])[] = []

  /** `types` are SQL types; null for a column that is kept as it comes. */
  constructor(types: readonly (string | null)[], capacity: number) {
    this.#types = types
    this.capacity = capacity
    this.clear()
  }

  clear(): void {
    this.rows = 0
    this.#columns = this.#types.map((type) =>
      type === 'FLOAT'
        ? new Float32Array(this.capacity)
        : type === 'DOUBLE'
          ? new Float64Array(this.capacity)
          : []
    )
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
      const vector = chunk.getColumnVector(i)
      const { items, validity } = vector as unknown as NumberVector
      if (
        (items instanceof Float32Array || items instanceof Float64Array) &&
        validity?.data === null
      )
        column.set(items.subarray(from, from + count), this.rows)
      else
        for (let row = 0; row < count; row++)
          column[this.rows + row] = Number(vector.getItem(from + row) ?? NaN)
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
