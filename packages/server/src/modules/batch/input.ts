import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import type { NewBatchJob } from '@trestle/contract'
import { AppError, messageOf } from '../../kernel/errors.ts'
import { quoteText } from '../../platform/database/index.ts'
import { arrowIntoTable } from '../../platform/arrow/index.ts'
import type { PostgresSources } from '../../platform/postgres-source/index.ts'
import type { S3 } from '../../platform/s3/index.ts'
import { fail } from '../../platform/errors.ts'
import type { ShardSource } from './job.ts'

type Input = NewBatchJob['input']
type Format = 'parquet' | 'csv' | 'ndjson' | 'arrow'

/** The column of a file's own row numbers. */
export const ROW = 'file_row_number'

const ENDINGS: readonly (readonly [RegExp, Format])[] = [
  [/\.(parquet|pq)$/i, 'parquet'],
  [/\.csv(\.gz)?$/i, 'csv'],
  [/\.(ndjson|jsonl)(\.gz)?$/i, 'ndjson'],
  [/\.(arrow|arrows|ipc|feather)$/i, 'arrow'],
]

/** What the input is called in messages. */
const inputName = (input: Input): string =>
  'path' in input
    ? input.path
    : 'table' in input
      ? `${input.connection}.${input.table}`
      : 'the query'

/** Engines that inputs lie in beside this machine's files. */
export type InputSources = Readonly<{ s3: S3; postgres: PostgresSources }>

/** Throws `batch.input_failed` when what can be looked at without reading it can't be read: the rest is told of once the job is planned. */
export async function checkInput(connection: DuckDBConnection, input: Input): Promise<void> {
  if ('table' in input) return
  if ('query' in input) await describe(connection, input, sqlOf(input))
  else if (!isObject(input.path)) {
    const files = await filesOf(connection, input.path)
    const format = formatOf(input)
    if (files.length === 0)
      throw fail('batch.input_failed', `${input.path}: there is no such file`, {
        details: { input: input.path },
      })
    if (format !== 'arrow') await describe(connection, input, readerOf(format, files))
  }
}

/** The columns of a planned file with their types. */
export async function columnsOf(
  connection: DuckDBConnection,
  path: string
): Promise<ReadonlyMap<string, string>> {
  const read = await connection.runAndReadAll(
    `DESCRIBE SELECT * FROM ${readerOf('parquet', [path])}`
  )
  return new Map(read.getRows().map((row) => [String(row[0]), String(row[1])]))
}

/**
 * Cuts the input into shards. Parquet files are scored where they lie; everything else is first written to `folder` as it is now, so that a shard that
 * is done again reads the same rows. Throws `batch.input_failed`, naming the file, and the line of a row that does not fit.
 */
export async function planShards(
  connection: DuckDBConnection,
  input: Input,
  at: { folder: string; shardRows: number; sources: InputSources }
): Promise<ShardSource[]> {
  const files = await reading(input, () => stage(connection, input, at))
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

async function filesOf(connection: DuckDBConnection, pattern: string): Promise<string[]> {
  const read = await connection.runAndReadAll(
    `SELECT file FROM glob(${quoteText(pattern)}) ORDER BY file`
  )
  return read.getRows().map((row) => String(row[0]))
}

const isObject = (path: string): boolean => path.startsWith('s3://')

/** Parquet files with the input's rows. */
async function stage(
  connection: DuckDBConnection,
  input: Input,
  { folder, sources }: { folder: string; sources: InputSources }
): Promise<string[]> {
  const staged = join(folder, 'input.parquet')
  if ('table' in input) {
    await sources.postgres.toParquet({ connection: input.connection, table: input.table }, staged)
    return [staged]
  }
  if ('query' in input) {
    await copy(connection, sqlOf(input), staged)
    return [staged]
  }
  const format = formatOf(input)
  const files = isObject(input.path)
    ? await fetched(sources.s3, input.path, folder)
    : await filesOf(connection, input.path)
  switch (format) {
    case 'parquet':
      return files
    case 'csv':
    case 'ndjson':
      await copy(connection, readerOf(format, files), staged)
      return [staged]
    case 'arrow': {
      const made: string[] = []
      for (const file of files) {
        const path = join(folder, `input-${made.length}.parquet`)
        await arrowIntoTable(connection, file, 'arrow_input')
        await copy(connection, 'arrow_input', path)
        await connection.run('DROP TABLE arrow_input')
        made.push(path)
      }
      return made
    }
  }
}

const copy = async (connection: DuckDBConnection, from: string, to: string): Promise<void> =>
  void (await connection.run(
    `COPY (SELECT * FROM ${from}) TO ${quoteText(to)} (FORMAT parquet, ROW_GROUP_SIZE 122880)`
  ))

/** Objects that a pattern names, as files, in the order of their keys. */
async function fetched(s3: S3, pattern: string, folder: string): Promise<string[]> {
  const isNamed = new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '[^/]*')
      .replaceAll('?', '[^/]')}$`
  )
  const files: string[] = []
  for await (const { url } of s3.list(pattern.replace(/[*?].*$/s, ''))) {
    if (!isNamed.test(url)) continue
    const path = join(folder, `source-${files.length}`)
    await s3.fetchTo(url, path)
    files.push(path)
  }
  if (files.length === 0) throw new Error('there is no such object')
  return files
}

const sqlOf = ({ query }: { query: string }): string => `(${query.replace(/;\s*$/, '')})`

function readerOf(format: Exclude<Format, 'arrow'>, files: readonly string[]): string {
  const paths = `[${files.map(quoteText).join(', ')}]`
  switch (format) {
    case 'parquet':
      return `read_parquet(${paths})`
    case 'csv':
      return `read_csv(${paths})`
    case 'ndjson':
      return `read_json(${paths}, format = 'newline_delimited')`
  }
}

const describe = async (
  connection: DuckDBConnection,
  input: Input,
  from: string
): Promise<void> => {
  await reading(input, () => connection.runAndReadAll(`DESCRIBE SELECT * FROM ${from}`))
}

function formatOf(input: { path: string; format?: Format }): Format {
  const format = input.format ?? ENDINGS.find(([ending]) => ending.test(input.path))?.[1]
  if (format === undefined)
    throw fail(
      'request.invalid',
      `${input.path}: say its format (parquet, csv, ndjson or arrow); its name does not`
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
