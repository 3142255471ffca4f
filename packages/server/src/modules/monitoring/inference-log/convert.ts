import { rename, rm } from 'node:fs/promises'
import { quoteName, quoteText } from '../../../platform/database/index.ts'
import type { DuckDb } from '../../../platform/duckdb/index.ts'
import type { ParquetFile, ParquetFiles } from './parquet-files.ts'
import type { RowFile } from './segment-rows.ts'

/**
 * Turns the rows of a sealed segment into one typed Parquet file per endpoint and hour. Doing it twice writes the same files again,
 * so a crash between the files and the removal of the segment doubles nothing.
 */
export async function convertRows(
  deps: { duckdb: DuckDb; files: ParquetFiles },
  span: { first: number; last: number },
  sorted: readonly RowFile[]
): Promise<void> {
  for (const { at, columns, path } of sorted) {
    const target = await deps.files.pathFor({ ...at, ...span })
    const types = columns
      .map(([name, type]) => `${quoteText(name)}: ${quoteText(`${type}[]`)}`)
      .join(', ')
    const rows = columns
      .map(([name]) => `unnest(${quoteName(name)}) AS ${quoteName(name)}`)
      .join(', ')
    await writeParquet(
      deps.duckdb,
      `SELECT ${rows} FROM read_json(${quoteText(path)}, format = 'newline_delimited', maximum_object_size = 67108864, columns = {${types}}) ORDER BY "at"`,
      target
    )
    await rm(path, { force: true })
  }
}

/** Merges the files of an hour that is over into one. The merged file hides the small ones from readers before they are removed. */
export async function mergeHour(
  deps: { duckdb: DuckDb; files: ParquetFiles },
  files: readonly ParquetFile[]
): Promise<void> {
  const [head] = files
  if (head === undefined || files.length < 2) return
  const target = await deps.files.pathFor({
    ...head,
    first: Math.min(...files.map((f) => f.first)),
    last: Math.max(...files.map((f) => f.last)),
  })
  const list = files.map((f) => quoteText(f.path)).join(', ')
  await writeParquet(
    deps.duckdb,
    `SELECT * FROM read_parquet([${list}], union_by_name = true, hive_partitioning = false) ORDER BY "at"`,
    target
  )
  for (const file of files) await deps.files.remove(file)
}

async function writeParquet(duckdb: DuckDb, select: string, target: string): Promise<void> {
  const unfinished = `${target}.part`
  await duckdb.run(
    `COPY (${select}) TO ${quoteText(unfinished)} (FORMAT parquet, COMPRESSION zstd)`
  )
  await rename(unfinished, target)
}
