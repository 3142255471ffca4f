import { createWriteStream } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { once } from 'node:events'
import { setImmediate as yieldTurn } from 'node:timers/promises'
import type { LoggedColumn } from '../../serving/index.ts'
import { quoteText } from '../../../platform/database/index.ts'
import type { DuckDb } from '../../../platform/duckdb/index.ts'
import { hourOf, type ParquetFile, type ParquetFiles } from './parquet-files.ts'
import { toRows, type PredictionRow } from './prediction-row.ts'
import type { LogRecord } from './record.ts'

type SqlType = 'DOUBLE' | 'BIGINT' | 'VARCHAR' | 'BOOLEAN'

const SQL_TYPE: Readonly<Record<LoggedColumn['type'], SqlType>> = {
  float: 'DOUBLE',
  int: 'BIGINT',
  string: 'VARCHAR',
  bool: 'BOOLEAN',
}

/** Columns that every file has. Inputs and outputs follow as `in.<name>` and `out.<name>`, in their own types. */
export const FIXED_COLUMNS: Readonly<Record<string, SqlType>> = {
  prediction_id: 'VARCHAR',
  request_id: 'VARCHAR',
  endpoint_id: 'VARCHAR',
  variant: 'VARCHAR',
  model_name: 'VARCHAR',
  model_version: 'BIGINT',
  role: 'VARCHAR',
  paired_with: 'VARCHAR',
  at: 'BIGINT',
  latency_ms: 'DOUBLE',
  busy_ms: 'DOUBLE',
  device: 'VARCHAR',
  status: 'VARCHAR',
  error_code: 'VARCHAR',
  sticky_key: 'VARCHAR',
  api_key_id: 'VARCHAR',
  oldest_feature_at: 'BIGINT',
  entities: 'VARCHAR',
  score: 'DOUBLE',
  predicted: 'VARCHAR',
}

const ROWS_PER_TURN = 200

type Group = {
  at: { project: string; endpoint: string; hour: number }
  columns: Map<string, SqlType>
  lines: string[]
}

/**
 * Turns the records of a sealed segment into one typed Parquet file per endpoint and hour. Doing it twice writes the same files again,
 * so a crash between the files and the removal of the segment doubles nothing.
 */
export async function convertSegment(
  deps: { duckdb: DuckDb; files: ParquetFiles; scratch: string },
  span: { first: number; last: number },
  records: AsyncIterable<{ record: LogRecord }>
): Promise<void> {
  const groups = await groupRows(records)
  await mkdir(deps.scratch, { recursive: true })
  for (const group of groups) {
    const target = await deps.files.pathFor({ ...group.at, ...span })
    const source = join(deps.scratch, `${span.first}.ndjson`)
    await writeLines(source, group.lines)
    const columns = [...group.columns]
      .map(([name, type]) => `${quoteText(name)}: ${quoteText(type)}`)
      .join(', ')
    await writeParquet(
      deps.duckdb,
      `SELECT * FROM read_json(${quoteText(source)}, format = 'newline_delimited', maximum_object_size = 67108864, columns = {${columns}}) ORDER BY "at"`,
      target
    )
    await rm(source, { force: true })
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

async function groupRows(records: AsyncIterable<{ record: LogRecord }>): Promise<Group[]> {
  const groups = new Map<string, Group>()
  let sinceTurn = 0
  for await (const { record } of records) {
    if (!record.isSampled) continue
    const { event } = record
    const at = { project: event.project, endpoint: event.endpoint, hour: hourOf(event.at) }
    const key = `${at.project}/${at.endpoint}/${at.hour}`
    const group: Group = groups.get(key) ?? {
      at,
      columns: new Map(Object.entries(FIXED_COLUMNS)),
      lines: [],
    }
    groups.set(key, group)
    for (const column of event.inputs) widen(group.columns, `in.${column.name}`, column.type)
    for (const column of event.outputs) widen(group.columns, `out.${column.name}`, column.type)
    for (const row of toRows(event)) group.lines.push(toLine(row))
    sinceTurn += event.rows
    if (sinceTurn >= ROWS_PER_TURN) {
      sinceTurn = 0
      await yieldTurn() // predictions are answered by this thread too
    }
  }
  return [...groups.values()]
}

/** Two versions of a model may disagree on a column's type: numbers meet in DOUBLE, all else in VARCHAR. */
function widen(columns: Map<string, SqlType>, name: string, type: LoggedColumn['type']): void {
  const known = columns.get(name)
  const wanted = SQL_TYPE[type]
  if (known === undefined) columns.set(name, wanted)
  else if (known !== wanted)
    columns.set(
      name,
      [known, wanted].every((t) => t === 'DOUBLE' || t === 'BIGINT') ? 'DOUBLE' : 'VARCHAR'
    )
}

function toLine(row: PredictionRow): string {
  const wire: Record<string, unknown> = {
    prediction_id: row.predictionId,
    request_id: row.requestId,
    endpoint_id: row.endpointId,
    variant: row.variant,
    model_name: row.modelName,
    model_version: row.modelVersion,
    role: row.role,
    paired_with: row.pairedWith,
    at: row.at,
    latency_ms: row.latencyMs,
    busy_ms: row.busyMs,
    device: row.device,
    status: row.status,
    error_code: row.errorCode,
    sticky_key: row.stickyKey,
    api_key_id: row.apiKeyId,
    oldest_feature_at: row.oldestFeatureAt,
    entities: JSON.stringify(row.entities, textOfSpecial),
    score: row.score,
    predicted: row.predicted === null ? null : JSON.stringify(row.predicted, textOfSpecial),
  }
  for (const [name, value] of Object.entries(row.inputs)) wire[`in.${name}`] = value
  for (const [name, value] of Object.entries(row.outputs)) wire[`out.${name}`] = value
  return JSON.stringify(wire, textOfSpecial)
}

// DuckDB reads numbers from text too, which is how NaN and 64-bit integers pass through JSON.
const textOfSpecial = (_key: string, value: unknown): unknown =>
  typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value))
    ? String(value)
    : value

async function writeLines(path: string, lines: readonly string[]): Promise<void> {
  const stream = createWriteStream(path)
  try {
    for (let i = 0; i < lines.length; i += ROWS_PER_TURN) {
      if (!stream.write(`${lines.slice(i, i + ROWS_PER_TURN).join('\n')}\n`))
        await once(stream, 'drain')
    }
  } finally {
    stream.end()
    await once(stream, 'close')
  }
}
