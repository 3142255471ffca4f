import type { BatchSource, StreamSource } from '@trestle/contract'

/** Where the rows of a view come from: files or a database that the server reads, pushes under a name, or both. */
export type Source = Readonly<{
  batch: BatchSource | null
  stream: StreamSource | null
  pushSource: string | null
}>

type ColumnOptions = Readonly<{
  eventTime?: string
  createdTime?: string
  /** Key or feature name → column, where they differ. */
  columns?: Readonly<Record<string, string>>
}>
type FileOptions = Readonly<{ path: string }> & ColumnOptions
type Relation = Readonly<{ table: string; query?: never } | { query: string; table?: never }>

const batchOf = (batch: BatchSource): Source => ({ pushSource: null, stream: null, batch })
const columnsOf = (options: ColumnOptions) => ({
  eventTime: options.eventTime ?? 'event_timestamp',
  createdTime: options.createdTime ?? null,
  columns: { ...options.columns },
})
const relationOf = ({ table, query }: Relation) => ({ table: table ?? null, query: query ?? null })

/** Sources: `source.parquet({ path: 'data/*.parquet' })`, `source.push('clicks')`, `source.push('clicks', source.csv({ path }))`. */
export const source = {
  /** Paths are the server's own, or `s3://bucket/key`; `*` matches. */
  csv: (options: FileOptions): Source =>
    batchOf({ kind: 'csv', path: options.path, ...columnsOf(options) }),
  parquet: (options: FileOptions): Source =>
    batchOf({ kind: 'parquet', path: options.path, ...columnsOf(options) }),
  /** A table or query of a DuckDB database file: `source.duckdb({ path: 'shop.duckdb', table: 'stats' })`. */
  duckdb: (options: FileOptions & Relation): Source =>
    batchOf({
      kind: 'duckdb',
      path: options.path,
      ...relationOf(options),
      ...columnsOf(options),
    }),
  /** A table or query of PostgreSQL; the server has the address of `shop` in `TRESTLE_SOURCE_SHOP`. */
  postgres: (options: Readonly<{ connection: string }> & Relation & ColumnOptions): Source =>
    batchOf({
      kind: 'postgres',
      connection: options.connection,
      ...relationOf(options),
      ...columnsOf(options),
    }),
  push: (name: string, beside?: Source): Source => ({
    pushSource: name,
    stream: beside?.stream ?? null,
    batch: beside?.batch ?? null,
  }),
  /**
   * The records of a Kafka topic, JSON objects, as they come: `source.kafka({ topic: 'payments' })`; `eventTime: null` takes the records' own
   * timestamps. A batch source beside it brings what was before.
   */
  kafka: (
    options: Readonly<{ topic: string; eventTime?: string | null }> &
      Omit<ColumnOptions, 'eventTime'>,
    beside?: Source
  ): Source => ({
    pushSource: beside?.pushSource ?? null,
    batch: beside?.batch ?? null,
    stream: {
      kind: 'kafka',
      topic: options.topic,
      eventTime: options.eventTime === undefined ? 'event_timestamp' : options.eventTime,
      createdTime: options.createdTime ?? null,
      columns: { ...options.columns },
    },
  }),
}
