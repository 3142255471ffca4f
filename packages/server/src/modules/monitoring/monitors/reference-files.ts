import { quoteName, quoteText } from '../../../platform/database/index.ts'
import type { DuckDb } from '../../../platform/duckdb/index.ts'
import { toScalar } from '../inference-log/query.ts'
import type { Scalar } from '../../../kernel/scalar.ts'

export type ReferenceFile = Readonly<{ path: string; format: 'parquet' | 'csv' }>

/** Where the files of references are. Each throws what the caller did wrong: no such run, no such file, none that can be read. */
export interface ReferenceFiles {
  /** The artifact of a run at `path`; null looks for the training set among the datasets and artifacts of the run. */
  ofRun(asked: { project: string; runId: string; path: string | null }): Promise<ReferenceFile>
  ofTrainingSet(project: string, name: string): Promise<ReferenceFile>
}

/** Rows of a file that a reference is made of at most: of a longer one an even sample, the same each time. */
const MAX_ROWS = 50_000

const PLAIN = /^(BOOLEAN|VARCHAR|U?(TINY|SMALL|BIG)INT|U?INTEGER|DOUBLE|FLOAT)$/
const NUMBER = /^(DECIMAL|U?HUGEINT)/

/** The rows of a Parquet or CSV file, as a window of the log would have them. What is no number, truth value or text comes as text. */
export async function readReferenceFile(
  duckdb: DuckDb,
  file: ReferenceFile
): Promise<Record<string, Scalar | null>[]> {
  const from = `${file.format === 'csv' ? 'read_csv' : 'read_parquet'}(${quoteText(file.path)})`
  const columns = await duckdb.rows(`DESCRIBE SELECT * FROM ${from}`)
  const select = columns.map(({ column_name, column_type }) => {
    const name = quoteName(String(column_name))
    const type = String(column_type)
    if (PLAIN.test(type)) return name
    return `CAST(${name} AS ${NUMBER.test(type) ? 'DOUBLE' : 'VARCHAR'}) AS ${name}`
  })
  const rows = await duckdb.rows(
    `SELECT ${select.join(', ')} FROM ${from} USING SAMPLE reservoir(${MAX_ROWS} ROWS) REPEATABLE (1)`
  )
  return rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name, toScalar(value)]))
  )
}
