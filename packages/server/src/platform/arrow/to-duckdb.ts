import { open } from 'node:fs/promises'
import type { DuckDBConnection, DuckDBType, DuckDBValue } from '@duckdb/node-api'
import type * as Library from 'apache-arrow'
import type { DataType, Vector } from 'apache-arrow'
import { AppError, messageOf } from '../../kernel/errors.ts'
import { quoteName } from '../database/index.ts'
import { appendColumns, isNumberArray, type ColumnArray } from '../duckdb/index.ts'
import { fail } from '../errors.ts'
import { loadArrow } from './library.ts'

/**
 * Reads an Arrow IPC file or stream, LZ4 and ZSTD too, into a new temporary table of the engine, one record batch at a time, and returns its rows.
 * Throws `request.invalid` naming a column whose type has no like, and what is wrong with a file that is cut or none.
 */
export async function arrowIntoTable(
  connection: DuckDBConnection,
  path: string,
  table: string
): Promise<number> {
  const library = await loadArrow()
  const handle = await open(path)
  try {
    const reader = await (await library.RecordBatchReader.from(handle)).open()
    if (reader.schema.fields.length === 0) throw new Error('it is no Arrow file')
    const columns = await columnsOf(library, reader.schema)
    await connection.run(
      `CREATE TEMP TABLE ${quoteName(table)} (${columns.map((c) => `${quoteName(c.name)} ${String(c.duckdb)}`).join(', ')})`
    )
    const appender = await connection.createAppender(table)
    let rows = 0
    for await (const batch of reader) {
      await appendColumns(
        appender,
        columns.map(({ duckdb }) => duckdb),
        {
          rows: batch.numRows,
          columns: columns.map(({ read }, i) => read(batch.getChildAt(i) as Vector)), // the schema has it
        }
      )
      appender.flushSync()
      rows += batch.numRows
    }
    appender.closeSync()
    return rows
  } catch (error) {
    throw error instanceof AppError
      ? error
      : fail('request.invalid', `${path} can't be read as Arrow: ${messageOf(error)}`, {
          details: { path },
          cause: error,
        })
  } finally {
    await handle.close().catch(() => undefined) // the reader closes it, too
  }
}

type Column = Readonly<{ name: string; duckdb: DuckDBType; read: (vector: Vector) => ColumnArray }>

async function columnsOf(library: typeof Library, schema: Library.Schema): Promise<Column[]> {
  const engine = await import('@duckdb/node-api')
  const { DataType: Is } = library

  const TIMESTAMPS = {
    [library.TimeUnit.SECOND]: engine.TIMESTAMP_S,
    [library.TimeUnit.MILLISECOND]: engine.TIMESTAMP_MS,
    [library.TimeUnit.MICROSECOND]: engine.TIMESTAMP,
    [library.TimeUnit.NANOSECOND]: engine.TIMESTAMP_NS,
  }
  const hasZone = ({ timezone }: Library.Timestamp): boolean => timezone != null && timezone !== ''

  const typeOf = (name: string, type: DataType): DuckDBType => {
    if (Is.isDictionary(type)) return typeOf(name, type.dictionary as DataType)
    if (Is.isBool(type)) return engine.BOOLEAN
    if (Is.isInt(type)) {
      const signed = {
        8: engine.TINYINT,
        16: engine.SMALLINT,
        32: engine.INTEGER,
        64: engine.BIGINT,
      }
      const unsigned = {
        8: engine.UTINYINT,
        16: engine.USMALLINT,
        32: engine.UINTEGER,
        64: engine.UBIGINT,
      }
      return (type.isSigned ? signed : unsigned)[type.bitWidth]
    }
    if (Is.isFloat(type))
      return type.precision === library.Precision.DOUBLE ? engine.DOUBLE : engine.FLOAT
    if (Is.isUtf8(type) || Is.isLargeUtf8(type) || Is.isUtf8View(type)) return engine.VARCHAR
    if (Is.isBinary(type) || Is.isLargeBinary(type)) return engine.BLOB
    if (Is.isDate(type))
      return type.unit === library.DateUnit.DAY ? engine.DATE : engine.TIMESTAMP_MS
    if (Is.isTimestamp(type)) return hasZone(type) ? engine.TIMESTAMPTZ : TIMESTAMPS[type.unit]
    if (Is.isList(type) || Is.isFixedSizeList(type) || Is.isLargeList(type))
      return engine.LIST(typeOf(name, (type.children[0] as Library.Field).type as DataType))
    throw fail(
      'request.invalid',
      `Column "${name}" is of Arrow's type ${library.Type[type.typeId]}, which is not read`,
      {
        details: { column: name },
      }
    )
  }

  /** One value as the engine takes it. */
  const valueOf = (value: unknown): DuckDBValue => {
    if (value === null || value === undefined) return null
    if (value instanceof Uint8Array) return engine.blobValue(value)
    if (value instanceof library.Vector) return engine.listValue(Array.from(value, valueOf))
    return value as DuckDBValue // a scalar of the column's type
  }
  const MICROS = [1_000_000n, 1_000n, 1n, 1_000n] as const
  const microseconds = (vector: Vector): ColumnArray => {
    const unit = (vector.type as Library.Timestamp).unit
    const values = numbersIn(vector) as { numbers: BigInt64Array; valid: Uint8Array | null }
    const by = MICROS[unit]
    return {
      ...values,
      numbers: values.numbers.map((v) => (unit === library.TimeUnit.NANOSECOND ? v / by : v * by)),
    }
  }

  const reading = (type: DataType): Column['read'] => {
    if (Is.isTimestamp(type) && hasZone(type)) return microseconds
    const isNumber =
      Is.isInt(type) ||
      (Is.isFloat(type) && type.precision !== library.Precision.HALF) ||
      Is.isTimestamp(type) ||
      Is.isDate(type)
    return isNumber ? numbersIn : (vector) => ({ values: Array.from(vector, valueOf) })
  }
  return schema.fields.map((field) => ({
    name: field.name,
    duckdb: typeOf(field.name, field.type as DataType),
    read: reading(field.type as DataType),
  }))
}

function numbersIn(vector: Vector): ColumnArray {
  const [data] = vector.data
  const numbers: unknown = data?.values
  if (data === undefined || !isNumberArray(numbers)) throw new Error('a batch without its numbers')
  const from = data.offset
  // The values begin at the offset already; the bits do not.
  return {
    numbers: numbers.subarray(0, data.length),
    valid: data.nullCount === 0 ? null : shifted(data.nullBitmap, from, data.length),
  }
}

function shifted(bits: Uint8Array, from: number, length: number): Uint8Array {
  if (from === 0) return bits
  const out = new Uint8Array((length + 7) >> 3)
  for (let i = 0; i < length; i++)
    if (((bits[(from + i) >> 3] ?? 0) & (1 << ((from + i) & 7))) !== 0)
      out[i >> 3] = (out[i >> 3] ?? 0) | (1 << (i & 7))
  return out
}
