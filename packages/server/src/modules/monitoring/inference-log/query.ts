import type { Scalar } from '../../../kernel/scalar.ts'
import { quoteText } from '../../../platform/database/index.ts'
import type { DuckDb } from '../../../platform/duckdb/index.ts'
import type { ParquetFile } from './parquet-files.ts'
import type { PredictionFilter, PredictionRow } from './prediction-row.ts'

/** A place in the order of rows: by time, then by id. */
export type Position = Readonly<{ at: number; predictionId: string }>

/** Which rows, in which order, from where on, how many. `thin` keeps about one row in so many, chosen by id. */
export type RowQuery = Readonly<{
  filter: PredictionFilter
  order: 'newest' | 'oldest'
  after: Position | null
  limit: number
  thin?: number
}>

/** Compares rows by time, then by id. */
export const comparePositions = (a: Position, b: Position): number =>
  a.at - b.at || (a.predictionId < b.predictionId ? -1 : a.predictionId > b.predictionId ? 1 : 0)

/** Rows of Parquet files that match, in order. */
export async function queryParquet(
  duckdb: DuckDb,
  files: readonly ParquetFile[],
  query: RowQuery
): Promise<PredictionRow[]> {
  if (files.length === 0) return []
  const { where, parameters } = conditions(query.filter)
  const isNewest = query.order === 'newest'
  if (query.after !== null) {
    const sign = isNewest ? '<' : '>'
    where.push(`("at" ${sign} $after_at OR ("at" = $after_at AND prediction_id ${sign} $after_id))`)
    parameters['after_at'] = BigInt(query.after.at)
    parameters['after_id'] = query.after.predictionId
  }
  if (query.thin !== undefined && query.thin > 1)
    where.push(`hash(prediction_id) % ${query.thin} = 0`)
  const direction = isNewest ? 'DESC' : 'ASC'
  const rows = await duckdb.rows(
    `SELECT *, parse_path(filename) AS file_path FROM ${source(files, true)} WHERE ${where.join(' AND ')}
     ORDER BY "at" ${direction}, prediction_id ${direction} LIMIT ${query.limit}`,
    parameters
  )
  return rows.map(toPredictionRow)
}

/** How many rows of Parquet files match. */
export async function countParquet(
  duckdb: DuckDb,
  files: readonly ParquetFile[],
  filter: PredictionFilter
): Promise<number> {
  if (files.length === 0) return 0
  const { where, parameters } = conditions(filter)
  const [row] = await duckdb.rows(
    `SELECT count(*) AS n FROM ${source(files, false)} WHERE ${where.join(' AND ')}`,
    parameters
  )
  return Number(row?.['n'] ?? 0)
}

/** Writes the rows that match into one Parquet file, in order of time, each with its endpoint. False when there are none. */
export async function copyParquet(
  duckdb: DuckDb,
  files: readonly ParquetFile[],
  to: { filter: PredictionFilter & { endpoint: string }; path: string }
): Promise<boolean> {
  if ((await countParquet(duckdb, files, to.filter)) === 0) return false
  const { from, to: until, endpoint } = to.filter
  const where = [
    'true',
    ...(from === undefined ? [] : [`"at" >= ${from}`]),
    ...(until === undefined ? [] : [`"at" < ${until}`]),
  ]
  await duckdb.run(
    `COPY (SELECT ${quoteText(endpoint)} AS endpoint, * FROM ${source(files, false)} WHERE ${where.join(' AND ')} ORDER BY "at", prediction_id)
     TO ${quoteText(to.path)} (FORMAT parquet, COMPRESSION zstd)`
  )
  return true
}

function source(files: readonly ParquetFile[], withFile: boolean): string {
  const list = files.map((file) => quoteText(file.path)).join(', ')
  return `read_parquet([${list}], union_by_name = true, hive_partitioning = false${withFile ? ', filename = true' : ''})`
}

function conditions(filter: PredictionFilter): {
  where: string[]
  parameters: Record<string, string | bigint>
} {
  const where: string[] = ['true']
  const parameters: Record<string, string | bigint> = {}
  const equal = (column: string, value: string | undefined): void => {
    if (value === undefined) return
    where.push(`${column} = $${column}`)
    parameters[column] = value
  }
  equal('variant', filter.variant)
  equal('role', filter.role)
  equal('status', filter.status)
  if (filter.from !== undefined) {
    where.push('"at" >= $from_at')
    parameters['from_at'] = BigInt(filter.from)
  }
  if (filter.to !== undefined) {
    where.push('"at" < $to_at')
    parameters['to_at'] = BigInt(filter.to)
  }
  if (filter.ids !== undefined)
    where.push(`prediction_id IN (${['NULL', ...filter.ids.map(quoteText)].join(', ')})`)
  if (filter.idsAndShadows !== undefined) {
    const list = ['NULL', ...filter.idsAndShadows.map(quoteText)].join(', ')
    where.push(`(prediction_id IN (${list}) OR paired_with IN (${list}))`)
  }
  return { where, parameters }
}

function toPredictionRow(row: Record<string, unknown>): PredictionRow {
  const inputs: Record<string, Scalar | null> = {}
  const outputs: Record<string, Scalar | null> = {}
  for (const [name, value] of Object.entries(row)) {
    if (name.startsWith('in.')) inputs[name.slice(3)] = toScalar(value)
    if (name.startsWith('out.')) outputs[name.slice(4)] = toScalar(value)
  }
  const path = row['file_path'] as string[]
  const partition = (key: string): string =>
    path.find((part) => part.startsWith(`${key}=`))?.slice(key.length + 1) ?? ''
  const text = (key: string): string => String(row[key])
  const textOrNull = (key: string): string | null => (row[key] === null ? null : text(key))
  return {
    predictionId: text('prediction_id'),
    requestId: text('request_id'),
    project: partition('project'),
    endpoint: partition('endpoint'),
    endpointId: text('endpoint_id'),
    variant: text('variant'),
    modelName: text('model_name'),
    modelVersion: Number(row['model_version']),
    role: text('role') === 'shadow' ? 'shadow' : 'live',
    pairedWith: textOrNull('paired_with'),
    at: Number(row['at']),
    latencyMs: Number(row['latency_ms']),
    busyMs: Number(row['busy_ms']),
    device: text('device'),
    status: text('status') as PredictionRow['status'], // written by this module from the same union
    errorCode: textOrNull('error_code'),
    stickyKey: textOrNull('sticky_key'),
    apiKeyId: textOrNull('api_key_id'),
    oldestFeatureAt: row['oldest_feature_at'] === null ? null : Number(row['oldest_feature_at']),
    entities: JSON.parse(text('entities')) as Record<string, Scalar>, // written by this module
    inputs,
    outputs,
    score: typeof row['score'] === 'number' ? row['score'] : null,
    predicted: row['predicted'] === null ? null : (JSON.parse(text('predicted')) as Scalar), // written by this module
  }
}

/** A value of DuckDB as a scalar; what is none is missing. */
export function toScalar(value: unknown): Scalar | null {
  if (typeof value === 'bigint') {
    const near = Number(value)
    return Number.isSafeInteger(near) ? near : value
  }
  return typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean'
    ? value
    : null
}
