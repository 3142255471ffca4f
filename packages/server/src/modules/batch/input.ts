import { stat } from 'node:fs/promises'
import type { DuckDBConnection } from '@duckdb/node-api'
import type { NewBatchJob } from '@trestle/contract'
import { AppError, messageOf } from '../../kernel/errors.ts'
import { quoteText } from '../../platform/database/index.ts'
import { fail } from '../../platform/errors.ts'
import type { ShardSource } from './job.ts'

type Input = NewBatchJob['input']
type Format = 'parquet' | 'csv' | 'ndjson'

/** The column of a file's own row numbers. */
export const ROW = 'file_row_number'

const ENDINGS: readonly (readonly [RegExp, Format])[] = [
  [/\.(parquet|pq)$/i, 'parquet'],
  [/\.csv(\.gz)?$/i, 'csv'],
  [/\.(ndjson|jsonl)(\.gz)?$/i, 'ndjson'],
]

/** What the input is called in messages. */
export const inputName = (input: Input): string => ('path' in input ? input.path : 'the query')

/** The columns of the input with their types. Throws `batch.input_failed` when it can't be read. */
export async function describeInput(
  connection: DuckDBConnection,
  input: Input
): Promise<ReadonlyMap<string, string>> {
  const read = await reading(input, () =>
    connection.runAndReadAll(`DESCRIBE SELECT * FROM ${sqlOf(input)}`)
  )
  return new Map(read.getRows().map((row) => [String(row[0]), String(row[1])]))
}

/**
 * Cuts the input into shards. Parquet is scored where it lies; everything else is first written to `staged` as it is now, so that a shard that
 * is done again reads the same rows. Throws `batch.input_failed`, naming the file, and the line of a row that does not fit.
 */
export async function planShards(
  connection: DuckDBConnection,
  input: Input,
  at: { staged: string; shardRows: number }
): Promise<ShardSource[]> {
  const files =
    'path' in input && formatOf(input) === 'parquet'
      ? await parquetFiles(connection, input.path)
      : [await stage(connection, input, at.staged)]
  const sources: ShardSource[] = []
  for (const path of files) {
    const rows = await reading(input, async () => {
      const read = await connection.runAndReadAll(
        `SELECT num_rows FROM parquet_file_metadata(${quoteText(path)})`
      )
      return Number(read.getRows()[0]?.[0] ?? 0)
    })
    const identity = await identityOf(path)
    for (let from = 0; from < rows; from += at.shardRows)
      sources.push({ path, from, rows: Math.min(at.shardRows, rows - from), ...identity })
  }
  if (sources.length === 0)
    throw fail('batch.input_failed', `${inputName(input)} has no rows`, {
      details: { input: inputName(input) },
    })
  return sources
}

/** SQL of one shard's rows with their numbers. Throws `batch.input_failed` when the file is not the one that was planned. */
export async function shardSql(source: ShardSource): Promise<string> {
  const { size, modifiedMs } = await identityOf(source.path)
  if (size !== source.size || modifiedMs !== source.modifiedMs)
    throw fail('batch.input_failed', `${source.path} changed while it was scored`, {
      details: { input: source.path },
    })
  return `(SELECT * FROM read_parquet(${quoteText(source.path)}, file_row_number = true) WHERE ${ROW} >= ${source.from} AND ${ROW} < ${source.from + source.rows})`
}

async function identityOf(path: string): Promise<{ size: number; modifiedMs: number }> {
  try {
    const { size, mtimeMs } = await stat(path)
    return { size, modifiedMs: Math.floor(mtimeMs) }
  } catch (error) {
    throw fail('batch.input_failed', `${path}: ${messageOf(error)}`, { cause: error })
  }
}

async function parquetFiles(connection: DuckDBConnection, pattern: string): Promise<string[]> {
  const read = await connection.runAndReadAll(
    `SELECT file FROM glob(${quoteText(pattern)}) ORDER BY file`
  )
  return read.getRows().map((row) => String(row[0]))
}

async function stage(connection: DuckDBConnection, input: Input, staged: string): Promise<string> {
  await reading(input, () =>
    connection.run(
      `COPY (SELECT * FROM ${sqlOf(input)}) TO ${quoteText(staged)} (FORMAT parquet, ROW_GROUP_SIZE 122880)`
    )
  )
  return staged
}

function sqlOf(input: Input): string {
  if ('query' in input) return `(${input.query.replace(/;\s*$/, '')})`
  const path = quoteText(input.path)
  switch (formatOf(input)) {
    case 'parquet':
      return `read_parquet(${path})`
    case 'csv':
      return `read_csv(${path})`
    case 'ndjson':
      return `read_json(${path}, format = 'newline_delimited')`
  }
}

function formatOf(input: { path: string; format?: Format }): Format {
  const format = input.format ?? ENDINGS.find(([ending]) => ending.test(input.path))?.[1]
  if (format === undefined)
    throw fail(
      'request.invalid',
      `${input.path}: say its format (parquet, csv or ndjson); its name does not`
    )
  return format
}

async function reading<T>(input: Input, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof AppError) throw error
    throw fail('batch.input_failed', `${inputName(input)}: ${firstLines(messageOf(error))}`, {
      details: { input: inputName(input) },
      cause: error,
    })
  }
}

/** DuckDB adds hints on its own options below the fault. */
const firstLines = (message: string): string =>
  message
    .split('\n')
    .slice(0, 4)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join(' ')
