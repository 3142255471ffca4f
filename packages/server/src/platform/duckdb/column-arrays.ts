import type { DuckDBAppender, DuckDBDataChunk, DuckDBType, DuckDBValue } from '@duckdb/node-api'

/** Numbers as DuckDB and Arrow keep them: days, and counts of a unit since 1970, for dates and times. */
export type NumberArray =
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Float32Array
  | Float64Array

/** What vectors of numbers are inside; the engine's types hide it, and a call for each value costs ten times as much. */
type Inner = { items?: unknown; validity: { data: BigUint64Array | null } }
const innerOf = (chunk: DuckDBDataChunk, column: number): Inner =>
  chunk.getColumnVector(column) as unknown as Inner

export const isNumberArray = (items: unknown): items is NumberArray =>
  ArrayBuffer.isView(items) && !(items instanceof DataView)

/** The numbers of a chunk's column where they lie: valid until the next chunk is asked for. Null when it holds something else. */
export function numbersOf(chunk: DuckDBDataChunk, column: number): NumberArray | null {
  const { items } = innerOf(chunk, column)
  return isNumberArray(items) ? items : null
}

/** One bit per row, set where there is a value; null when all rows have one. */
export const validityOf = (chunk: DuckDBDataChunk, column: number): BigUint64Array | null =>
  innerOf(chunk, column).validity.data

/** Rows of one chunk of the engine. */
const CHUNK_ROWS = 2_048

/** Values of one column: numbers as an array of the type's own class with a bit per row that has one (null: all have), anything else one by one. */
export type ColumnArray = Readonly<
  | { numbers: NumberArray; valid: Uint8Array | null }
  | { values: ArrayLike<DuckDBValue | undefined> }
>

/** Appends rows by column. A number array must be of the class that DuckDB keeps the type in. */
export async function appendColumns(
  appender: DuckDBAppender,
  types: readonly DuckDBType[],
  table: { rows: number; columns: readonly ColumnArray[] }
): Promise<void> {
  const { DuckDBDataChunk } = await import('@duckdb/node-api')
  const isPlain = table.columns.every((column) => 'numbers' in column && column.valid === null)
  // Each vector costs a buffer outside the heap, and those are what the collector counts: whole chunks of plain numbers share one.
  const shared =
    isPlain && table.rows >= CHUNK_ROWS ? DuckDBDataChunk.create(types, CHUNK_ROWS) : null
  for (let from = 0; from < table.rows; from += CHUNK_ROWS) {
    const count = Math.min(CHUNK_ROWS, table.rows - from)
    const chunk =
      shared !== null && count === CHUNK_ROWS ? shared : DuckDBDataChunk.create(types, count)
    for (const [i, column] of table.columns.entries()) fill(chunk, i, { column, from, count })
    appender.appendDataChunk(chunk)
  }
}

function fill(
  chunk: DuckDBDataChunk,
  at: number,
  { column, from, count }: { column: ColumnArray; from: number; count: number }
): void {
  const vector = chunk.getColumnVector(at)
  if ('values' in column)
    for (let row = 0; row < count; row++) vector.setItem(row, column.values[from + row] ?? null)
  else {
    const { items } = innerOf(chunk, at)
    if (!isNumberArray(items) || items.constructor !== column.numbers.constructor)
      throw new Error(
        `a column of ${String(vector.type)} is not kept in ${column.numbers.constructor.name}`
      )
    items.set(column.numbers.subarray(from, from + count) as never) // the check above
    if (column.valid !== null)
      for (let row = 0; row < count; row++)
        if (!isSet(column.valid, from + row)) vector.setItem(row, null)
  }
  vector.flush()
}

const isSet = (bits: Uint8Array, i: number): boolean => ((bits[i >> 3] ?? 0) & (1 << (i & 7))) !== 0
