import type { FeatureType } from '@trestle/contract'
import type { DuckDBAppender, DuckDBValue } from '@duckdb/node-api'
import type { Storage } from '../definitions/model.ts'
import { narrowInteger, type Value } from '../value.ts'
import { quoteName, quoteText } from '../../../platform/database/index.ts'

/** Columns of a segment beside keys and features. They begin with `_`, which no declared name can. */
export const EVENT = '_event_us'
export const CREATED = '_created_us'
export const SEQ = '_seq'

const SQL_TYPE: Readonly<Record<FeatureType, string>> = {
  float32: 'FLOAT',
  float64: 'DOUBLE',
  int32: 'INTEGER',
  int64: 'BIGINT',
  string: 'VARCHAR',
  bool: 'BOOLEAN',
  timestamp: 'BIGINT',
}
export const sqlType = (type: FeatureType): string => SQL_TYPE[type]

/** The columns of a storage's rows, in the order in which they are packed. */
export const rowColumns = (storage: Storage): { name: string; type: FeatureType }[] => [
  ...storage.keys,
  ...storage.columns,
]

/** `CREATE TABLE` columns of a storage. */
export const tableColumns = (storage: Storage): string =>
  [
    `${EVENT} BIGINT NOT NULL`,
    `${CREATED} BIGINT`,
    `${SEQ} BIGINT NOT NULL`,
    ...rowColumns(storage).map((c) => `${quoteName(c.name)} ${sqlType(c.type)}`),
  ].join(', ')

export function appendValue(appender: DuckDBAppender, type: FeatureType, value: Value): void {
  if (value === null) {
    appender.appendNull()
    return
  }
  switch (type) {
    case 'float32':
      appender.appendFloat(Number(value))
      return
    case 'float64':
      appender.appendDouble(Number(value))
      return
    case 'int32':
      appender.appendInteger(Number(value))
      return
    case 'int64':
    case 'timestamp':
      appender.appendBigInt(BigInt(value))
      return
    case 'string':
      appender.appendVarchar(String(value))
      return
    case 'bool':
      appender.appendBoolean(value === true)
      return
  }
}

/** A value as SQL writes it. */
export const literal = (value: Value, type: FeatureType): string =>
  value === null ? 'NULL' : `CAST(${quoteText(String(value))} AS ${sqlType(type)})`

/** A value as DuckDB hands it over. Only the types above come. */
export function fromDuckDb(value: DuckDBValue): Value {
  if (typeof value === 'bigint') return narrowInteger(value)
  if (
    value === null ||
    typeof value === 'number' ||
    typeof value === 'string' ||
    typeof value === 'boolean'
  )
    return value
  throw new Error(`Unexpected value from DuckDB: ${value.constructor.name}`)
}
