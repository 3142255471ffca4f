import { createDuckDb, type DuckDb } from '../../src/platform/duckdb/index.ts'

/** An engine for making inputs and looking at outputs. */
export const testDuckDb = (dir: string): DuckDb =>
  createDuckDb({ temporaryDir: dir, memoryLimit: '1GB', threads: 2 })

/** Rows of payments with an id, as SQL. */
export const payments = (rows: number): string =>
  `(SELECT i AS id, 'c' || (i % 97) AS customer, CAST((i * 7919) % 5000 AS DOUBLE) / 10 AS amount, 18 + i % 60 AS age, CAST(i % 100 AS FLOAT) / 100 AS score FROM range(${rows}) t(i))`

/** Every row of a published output, told apart by a hash of its columns in their order. */
export async function fingerprint(duckdb: DuckDb, folder: string): Promise<unknown> {
  const [row] = await duckdb.rows(
    `SELECT count(*) AS n, count(DISTINCT id) AS ids, md5(string_agg(hash(t)::VARCHAR, ',' ORDER BY id)) AS digest FROM read_parquet('${folder}/part-*.parquet') t`
  )
  return row
}
