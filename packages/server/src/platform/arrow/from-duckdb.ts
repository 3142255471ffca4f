import type { DuckDBConnection, DuckDBDataChunk, DuckDBValue } from '@duckdb/node-api'
import type * as Library from 'apache-arrow'
import type { DataType, RecordBatch } from 'apache-arrow'
import { quoteName } from '../database/index.ts'
import { numbersOf, validityOf, type NumberArray } from '../duckdb/index.ts'
import { loadArrow } from './library.ts'

type Kept = Readonly<{ arrow: (library: typeof Library) => DataType; cast?: string }>

const kept = (name: keyof typeof Library, ...given: unknown[]): Kept => ({
  arrow: (library) => new (library[name] as new (...given: unknown[]) => DataType)(...given),
})

/** What a column becomes. Types that Arrow has no like of are read as another one: exact decimals as doubles, everything unusual as text. */
const KEPT: Readonly<Record<string, Kept>> = {
  BOOLEAN: kept('Bool'),
  TINYINT: kept('Int8'),
  SMALLINT: kept('Int16'),
  INTEGER: kept('Int32'),
  BIGINT: kept('Int64'),
  UTINYINT: kept('Uint8'),
  USMALLINT: kept('Uint16'),
  UINTEGER: kept('Uint32'),
  UBIGINT: kept('Uint64'),
  FLOAT: kept('Float32'),
  DOUBLE: kept('Float64'),
  VARCHAR: kept('Utf8'),
  DATE: kept('DateDay'),
  TIME: kept('TimeMicrosecond'),
  TIMESTAMP_S: kept('TimestampSecond'),
  TIMESTAMP_MS: kept('TimestampMillisecond'),
  TIMESTAMP: kept('TimestampMicrosecond'),
  TIMESTAMP_NS: kept('TimestampNanosecond'),
  'TIMESTAMP WITH TIME ZONE': kept('TimestampMicrosecond', 'UTC'),
  HUGEINT: { ...kept('Float64'), cast: 'DOUBLE' },
  UHUGEINT: { ...kept('Float64'), cast: 'DOUBLE' },
}
const AS_TEXT: Kept = { ...kept('Utf8'), cast: 'VARCHAR' }

function keptAs(type: string): Kept {
  if (type.startsWith('DECIMAL')) return { ...kept('Float64'), cast: 'DOUBLE' }
  const element = /^(.+)\[\d*\]$/.exec(type)?.[1]
  if (element === undefined) return KEPT[type] ?? AS_TEXT
  const inner = keptAs(element)
  return {
    arrow: (library) => new library.List(new library.Field('item', inner.arrow(library), true)),
    ...(inner.cast === undefined
      ? type.endsWith('[]')
        ? {}
        : { cast: `${element}[]` }
      : { cast: `${inner.cast}[]` }),
  }
}

/** Rows of one record batch at most. */
const BATCH_ROWS = 65_536

/** A query's rows as Arrow IPC: a `file` has a footer to find batches by, a `stream` has none. Holds one record batch at a time. */
export async function* arrowBytes(
  connection: DuckDBConnection,
  query: string,
  form: 'file' | 'stream'
): AsyncGenerator<Uint8Array, void, void> {
  const library = await loadArrow()
  const described = (await connection.runAndReadAll(`DESCRIBE SELECT * FROM (${query})`)).getRows()
  const columns = described.map(([name, type]) => ({ name: String(name), ...keptAs(String(type)) }))
  const casts = columns.flatMap(({ name, cast }) =>
    cast === undefined ? [] : [`CAST(${quoteName(name)} AS ${cast}) AS ${quoteName(name)}`]
  )
  const result = await connection.stream(
    `SELECT *${casts.length === 0 ? '' : ` REPLACE (${casts.join(', ')})`} FROM (${query})`
  )
  const types = columns.map(({ arrow }) => arrow(library))
  const schema = new library.Schema(
    columns.map(({ name }, i) => new library.Field(name, types[i] ?? new library.Null(), true))
  )
  const parts: Uint8Array[] = []
  class Sink extends library.AsyncByteQueue {
    override write(value: Uint8Array): void {
      if (value.byteLength > 0) parts.push(value)
    }
  }
  const writer = new library[
    form === 'file' ? 'RecordBatchFileWriter' : 'RecordBatchStreamWriter'
  ]()
  writer.reset(new Sink() as never, schema) // its type asks for streams of the platform
  let chunks: DuckDBDataChunk[] = []
  let rows = 0
  const flush = (): void => {
    if (rows > 0) writer.write(recordBatch(library, { schema, types }, chunks))
    chunks = []
    rows = 0
  }
  for (;;) {
    const chunk = await result.fetchChunk()
    const count = chunk?.rowCount ?? 0
    if (count === 0 || rows + count > BATCH_ROWS) flush()
    if (chunk === null || count === 0) break
    chunks.push(chunk)
    rows += count
    yield* parts.splice(0)
  }
  writer.finish()
  yield* parts.splice(0)
}

function recordBatch(
  library: typeof Library,
  { schema, types }: { schema: Library.Schema; types: readonly DataType[] },
  chunks: readonly DuckDBDataChunk[]
): RecordBatch {
  const length = chunks.reduce((sum, chunk) => sum + chunk.rowCount, 0)
  const children = types.map((type, column) => arrowData(library, { type, column, length }, chunks))
  return new library.RecordBatch(
    schema,
    library.makeData({ type: new library.Struct(schema.fields), length, nullCount: 0, children })
  )
}

type Place = { type: DataType; column: number; length: number }

function arrowData(
  library: typeof Library,
  { type, column, length }: Place,
  chunks: readonly DuckDBDataChunk[]
): Library.Data {
  const [first] = chunks
  const numbers = first === undefined ? null : numbersOf(first, column)
  if (numbers === null || library.DataType.isBool(type)) {
    const values = chunks.flatMap((chunk) => chunk.getColumnValues(column).map(plain))
    return library.vectorFromArray(values, type).data[0] as Library.Data // one array makes one
  }
  const data = new (numbers.constructor as new (length: number) => NumberArray)(length)
  const nulls = new Nulls(length)
  let at = 0
  for (const chunk of chunks) {
    data.set((numbersOf(chunk, column) ?? []) as never, at) // all chunks of a column have one class
    nulls.take(validityOf(chunk, column), at, chunk.rowCount)
    at += chunk.rowCount
  }
  return library.makeData({
    type,
    length,
    nullCount: nulls.count,
    nullBitmap: nulls.bitmap,
    data,
  } as never) // the array's class is the type's own
}

/** Gathers the bits of rows that have a value. */
class Nulls {
  count = 0
  bitmap: Uint8Array | null = null
  readonly #length: number
  constructor(length: number) {
    this.#length = length
  }
  take(valid: BigUint64Array | null, at: number, rows: number): void {
    if (valid === null) return
    const bytes = new Uint8Array(valid.buffer, valid.byteOffset, valid.byteLength)
    for (let row = 0; row < rows; row++) {
      if (((bytes[row >> 3] ?? 0) & (1 << (row & 7))) !== 0) continue
      this.bitmap ??= new Uint8Array((this.#length + 7) >> 3).fill(0xff)
      const i = at + row
      this.bitmap[i >> 3] = (this.bitmap[i >> 3] ?? 0) & ~(1 << (i & 7))
      this.count++
    }
  }
}

/** A value as Arrow's builders take it. */
function plain(value: DuckDBValue): unknown {
  if (typeof value !== 'object' || value === null) return value
  if ('items' in value) return Array.from(value.items, plain)
  return value
}
