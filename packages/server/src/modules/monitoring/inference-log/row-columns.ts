import type { LoggedColumn } from '../../serving/index.ts'
import { predictedClass, scoreColumn } from '../outcome.ts'
import { rowId } from './prediction-row.ts'
import type { WireBlock, WireColumn } from './record-block.ts'

export type SqlType = 'DOUBLE' | 'BIGINT' | 'VARCHAR' | 'BOOLEAN'

/** Values as JSON and DuckDB read them: numbers may be text (NaN, infinities, 64-bit integers). */
export type RowColumn = Readonly<{ type: SqlType; values: readonly unknown[] }>

const SQL_TYPE: Readonly<Record<LoggedColumn['type'], SqlType>> = {
  float: 'DOUBLE',
  int: 'BIGINT',
  string: 'VARCHAR',
  bool: 'BOOLEAN',
}

/**
 * The rows of a block, column by column, one value per row. A request that failed before it had rows counts as one row. Fixed columns first;
 * inputs and outputs follow as `in.<name>` and `out.<name>`, in their own types.
 */
export function toRowColumns(block: WireBlock): Map<string, RowColumn> {
  const rows = fieldOf(block, 'rows') as (i: number) => number // a count in every record
  const spread = spreader(block.count, rows)
  const text = (key: Field): RowColumn => ({
    type: 'VARCHAR',
    values: spread(fieldOf(block, key)),
  })
  const number = (key: Field, type: SqlType): RowColumn => ({
    type,
    values: spread(fieldOf(block, key)),
  })
  const model = fieldOf(block, 'model') as (i: number) => { name: string; version: number }
  const ids = (key: 'predictionId' | 'pairedWith'): RowColumn => {
    const idOf = fieldOf(block, key) as (i: number) => string | null
    return {
      type: 'VARCHAR',
      values: spread((i, row) => {
        const id = idOf(i)
        return id === null ? null : rowId(id, row, Math.max(1, rows(i)))
      }),
    }
  }
  const busyMs = fieldOf(block, 'busyMs') as (i: number) => number
  const entities = block.entities?.map((of) => JSON.stringify(plainEntities(of)))
  const columns = new Map<string, RowColumn>([
    ['prediction_id', ids('predictionId')],
    ['request_id', text('requestId')],
    ['endpoint_id', text('endpointId')],
    ['variant', text('variant')],
    ['model_name', { type: 'VARCHAR', values: spread((i) => model(i).name) }],
    ['model_version', { type: 'BIGINT', values: spread((i) => model(i).version) }],
    ['role', text('role')],
    ['paired_with', ids('pairedWith')],
    ['at', number('at', 'BIGINT')],
    ['latency_ms', number('latencyMs', 'DOUBLE')],
    ['busy_ms', { type: 'DOUBLE', values: spread((i) => busyMs(i) / Math.max(1, rows(i))) }],
    ['device', text('device')],
    ['status', text('status')],
    ['error_code', text('errorCode')],
    ['sticky_key', text('stickyKey')],
    ['api_key_id', text('apiKeyId')],
    ['oldest_feature_at', number('oldestFeatureAt', 'BIGINT')],
    ['entities', { type: 'VARCHAR', values: spread((i) => entities?.[i] ?? '{}') }],
  ])
  const align = aligner(block, rows)
  const outputs = block.outputs.map((column) => ({ ...column, values: align(column) }))
  const score = scoreColumn(outputs)
  const predicted = predictedClass(outputs)
  const none = spread(() => null)
  columns.set('score', { type: 'DOUBLE', values: score?.values ?? none } as RowColumn)
  columns.set('predicted', {
    type: 'VARCHAR',
    values:
      predicted === null
        ? none
        : Array.from(predicted.values, (value) => (value === null ? null : JSON.stringify(value))),
  })
  for (const column of block.inputs)
    columns.set(`in.${column.name}`, { type: SQL_TYPE[column.type], values: align(column) })
  for (const column of outputs)
    columns.set(`out.${column.name}`, { type: SQL_TYPE[column.type], values: column.values })
  return columns
}

type Field = keyof WireBlock['same']

/** A field of record `i`. */
function fieldOf(block: WireBlock, key: Field): (i: number) => unknown {
  const each = block.each[key]
  if (each !== undefined) return (i) => each[i]
  const same = block.same[key] ?? null
  return () => same
}

/** Repeats what a record says for each of its rows. */
function spreader(count: number, rows: (i: number) => number) {
  return (of: (i: number, row: number) => unknown): unknown[] => {
    const values: unknown[] = []
    for (let i = 0; i < count; i++)
      for (let row = 0; row < Math.max(1, rows(i)); row++) values.push(of(i, row))
    return values
  }
}

/** One value per row: what a record has too few of is null, what it has too many of is left out. */
function aligner(block: WireBlock, rows: (i: number) => number) {
  let isAligned = true
  for (let i = 0; i < block.count; i++) isAligned &&= rows(i) >= 1
  return (column: WireColumn): WireColumn['values'] => {
    if (isAligned && column.counts === undefined) return column.values
    const values: WireColumn['values'][number][] = []
    let from = 0
    for (let i = 0; i < block.count; i++) {
      const count = column.counts?.[i] ?? rows(i)
      for (let row = 0; row < Math.max(1, rows(i)); row++)
        values.push(row < count ? (column.values[from + row] ?? null) : null)
      from += count
    }
    return values
  }
}

const plainEntities = (entities: NonNullable<WireBlock['entities']>[number]) =>
  Object.fromEntries(
    Object.entries(entities).map(([key, value]) => [
      key,
      typeof value === 'object' ? value.int : value,
    ])
  )
