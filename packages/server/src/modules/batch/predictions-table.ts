import type { DuckDBConnection, DuckDBType } from '@duckdb/node-api'
import { quoteName } from '../../platform/database/index.ts'
import { appendColumns, type ColumnArray } from '../../platform/duckdb/index.ts'
import type { LoggedColumn } from '../serving/index.ts'

/** Predictions of one shard, in its order. What stands at a row that failed does not count; its number and its reason are in the table `failures`. */
export interface PredictionsTable {
  readonly names: readonly string[]
  append(part: {
    firstRow: number
    rows: number
    outputs: readonly LoggedColumn[]
    /** By row within the part. */
    errors: ReadonlyMap<number, string>
  }): Promise<void>
  close(): void
}

/** Makes the temporary tables `predictions` and `failures` for outputs of these types. */
export async function createPredictionsTable(
  connection: DuckDBConnection,
  outputs: readonly LoggedColumn[],
  names: readonly string[]
): Promise<PredictionsTable> {
  const { BIGINT, BOOLEAN, DOUBLE, FLOAT, VARCHAR } = await import('@duckdb/node-api')
  const typeOf = ({ type, values }: LoggedColumn): DuckDBType => {
    switch (type) {
      case 'float':
        return values instanceof Float32Array ? FLOAT : DOUBLE
      case 'int':
        return BIGINT
      case 'string':
        return VARCHAR
      case 'bool':
        return BOOLEAN
    }
  }
  const types = outputs.map(typeOf)
  const columns = names.map((name, i) => `${quoteName(name)} ${String(types[i])}`)
  // A table has a column at least: this one is of a shard whose rows all failed.
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE predictions (${columns.join(', ') || '_none BOOLEAN'})`
  )
  await connection.run('CREATE OR REPLACE TEMP TABLE failures (_row BIGINT, _error VARCHAR)')
  const appender = await connection.createAppender('predictions')
  const failures = await connection.createAppender('failures')
  return {
    names,
    async append({ firstRow, rows, outputs: parts, errors }) {
      if (outputs.length > 0)
        await appendColumns(appender, types, {
          rows,
          columns: outputs.map(({ type }, i) => columnOf(type, parts[i]?.values ?? [])),
        })
      const failed = [...errors.keys()].toSorted((a, b) => a - b)
      await appendColumns(failures, [BIGINT, VARCHAR], {
        rows: failed.length,
        columns: [
          { values: failed.map((row) => BigInt(firstRow + row)) },
          { values: failed.map((row) => errors.get(row)) },
        ],
      })
    },
    close() {
      appender.closeSync()
      failures.closeSync()
    },
  }
}

function columnOf(type: LoggedColumn['type'], values: LoggedColumn['values']): ColumnArray {
  if (
    values instanceof Float32Array ||
    values instanceof Float64Array ||
    values instanceof BigInt64Array
  )
    return { numbers: values, valid: null }
  if (type === 'float' || type === 'bool') return { values }
  return {
    values: Array.from(values, (value) =>
      value === null ? null : type === 'int' ? BigInt(value) : String(value)
    ),
  }
}
