import type { DuckDBConnection, DuckDBType } from '@duckdb/node-api'
import type { Scalar } from '../../kernel/scalar.ts'
import { quoteName } from '../../platform/database/index.ts'
import type { LoggedColumn } from '../serving/index.ts'

const CHUNK = 2_048

/** Predictions of one shard beside their row numbers; a row that failed has its reason and no values. */
export interface PredictionsTable {
  readonly names: readonly string[]
  append(part: {
    firstRow: number
    rows: number
    outputs: readonly LoggedColumn[]
    /** By row within the part. */
    errors: ReadonlyMap<number, string>
  }): void
  close(): void
}

/** Makes the temporary table `predictions` for outputs of these types. */
export async function createPredictionsTable(
  connection: DuckDBConnection,
  outputs: readonly LoggedColumn[],
  names: readonly string[]
): Promise<PredictionsTable> {
  const { BIGINT, BOOLEAN, DOUBLE, DuckDBDataChunk, FLOAT, VARCHAR } =
    await import('@duckdb/node-api')
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
  const types: DuckDBType[] = [BIGINT, VARCHAR, ...outputs.map(typeOf)]
  const columns = names.map((name, i) => `${quoteName(name)} ${String(types[i + 2])}`)
  await connection.run('DROP TABLE IF EXISTS predictions')
  await connection.run(
    `CREATE TEMP TABLE predictions (_row BIGINT, _error VARCHAR${columns.map((c) => `, ${c}`).join('')})`
  )
  const appender = await connection.createAppender('predictions')
  return {
    names,
    append({ firstRow, rows, outputs: parts, errors }) {
      for (let from = 0; from < rows; from += CHUNK) {
        const count = Math.min(CHUNK, rows - from)
        const chunk = DuckDBDataChunk.create(types, count)
        chunk.setColumnValues(
          0,
          Array.from({ length: count }, (_, i) => BigInt(firstRow + from + i))
        )
        chunk.setColumnValues(
          1,
          Array.from({ length: count }, (_, i) => errors.get(from + i) ?? null)
        )
        for (const [i, { type }] of outputs.entries()) {
          const values = parts[i]?.values ?? []
          chunk.setColumnValues(
            i + 2,
            Array.from({ length: count }, (_, row) => valueFor(type, values[from + row] ?? null))
          )
        }
        appender.appendDataChunk(chunk)
      }
    },
    close: () => appender.closeSync(),
  }
}

function valueFor(type: LoggedColumn['type'], value: Scalar | null): Scalar | null {
  if (value === null || type === 'float' || type === 'bool') return value
  return type === 'int' ? BigInt(value) : String(value)
}
