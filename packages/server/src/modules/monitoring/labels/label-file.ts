import type { LabelInput } from '@trestle/contract'
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api'
import { messageOf } from '../../../kernel/errors.ts'
import { quoteName, quoteText } from '../../../platform/database/index.ts'
import type { DuckDb } from '../../../platform/duckdb/index.ts'
import { fail } from '../../../platform/errors.ts'

export type LabelFile = Readonly<{
  path: string
  format: 'parquet' | 'csv'
  idColumn: string
  labelColumn: string
  atColumn?: string
}>

export type BadRow = Readonly<{ row: number; reason: string }>

/**
 * Reads a Parquet or CSV file of labels piece by piece: memory holds one piece. In a CSV file ids stay the text that they are; a label is a number,
 * true, false or a class. Throws `request.invalid` for a file or a column that can't be read.
 */
export function readLabelFile(
  duckdb: DuckDb,
  file: LabelFile,
  take: (piece: { labels: readonly LabelInput[]; bad: readonly BadRow[] }) => Promise<void>
): Promise<void> {
  return duckdb.use(async (connection) => {
    const read = <T>(work: () => Promise<T>): Promise<T> =>
      work().catch((error: unknown) => {
        throw fail('request.invalid', `The file: ${messageOf(error).split('\n')[0] ?? ''}`, {
          cause: error,
        })
      })
    const sql = await read(() => queryOf(connection, file))
    const result = await read(() => connection.stream(sql))
    let row = 0
    const next = () => read(() => result.fetchChunk())
    for (let chunk = await next(); chunk !== null; chunk = await next()) {
      if (chunk.rowCount === 0) break
      const labels: LabelInput[] = []
      const bad: BadRow[] = []
      for (const values of chunk.getRows()) {
        row += 1
        const label = toLabel(values, file)
        if (typeof label === 'string') bad.push({ row, reason: label })
        else labels.push(label)
      }
      await take({ labels, bad })
    }
    if (file.format === 'csv') await take({ labels: [], bad: await rejected(connection) })
  })
}

/** Lines that are no rows: of too few or too many fields, or with a quote that does not end. */
async function rejected(connection: DuckDBConnection): Promise<BadRow[]> {
  const found = await connection.runAndReadAll(
    'SELECT DISTINCT ON (line) line, error_message FROM reject_errors ORDER BY line'
  )
  return found.getRows().map(([line, message]) => ({
    row: Number(line) - 1,
    reason: String(message).split('\n')[0] ?? '',
  }))
}

async function queryOf(connection: DuckDBConnection, file: LabelFile): Promise<string> {
  const path = quoteText(file.path)
  const source =
    file.format === 'parquet'
      ? `read_parquet(${path})`
      : `read_csv(${path}, header = true, all_varchar = true, store_rejects = true)`
  const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${source}`)
  const types = new Map(
    described.getRows().map(([column, type]) => [String(column), String(type)] as const)
  )
  const typeOf = (column: string): string => {
    const type = types.get(column)
    if (type === undefined)
      throw new Error(`it has no column "${column}", only ${[...types.keys()].join(', ')}`)
    return type
  }
  typeOf(file.idColumn)
  const at = file.atColumn === undefined ? null : timeOf(file.atColumn, typeOf(file.atColumn))
  return `SELECT CAST(${quoteName(file.idColumn)} AS VARCHAR), ${labelOf(file.labelColumn, typeOf(file.labelColumn))}, ${at ?? 'NULL'} FROM ${source}`
}

function labelOf(column: string, type: string): string {
  const name = quoteName(column)
  if (type === 'BOOLEAN' || type === 'VARCHAR') return name
  if (type.startsWith('ENUM')) return `CAST(${name} AS VARCHAR)`
  if (/^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL.*)$/.test(type))
    return `CAST(${name} AS DOUBLE)`
  throw new Error(`column "${column}" is of type ${type}, which is no label`)
}

/** As epoch milliseconds; -1 where it is no time. */
function timeOf(column: string, type: string): string {
  const name = quoteName(column)
  const asNumber = `TRY_CAST(${name} AS BIGINT)`
  const asTime = `epoch_ms(TRY_CAST(${name} AS TIMESTAMP))`
  const known =
    type === 'VARCHAR'
      ? `coalesce(${asNumber}, ${asTime})`
      : /^(TIMESTAMP|DATE)/.test(type)
        ? asTime
        : asNumber
  return `CAST(CASE WHEN ${name} IS NULL THEN NULL ELSE coalesce(${known}, -1) END AS DOUBLE)`
}

/** The label of a row, or why it holds none. */
function toLabel(
  [id = null, given = null, at = null]: readonly DuckDBValue[],
  { format }: LabelFile
): LabelInput | string {
  if (typeof id !== 'string' || id === '') return 'no prediction id'
  if (id.length > 200) return 'a prediction id of more than 200 characters'
  const value = format === 'csv' && typeof given === 'string' ? scalarOf(given) : given
  if (value === null || value === '') return 'no label'
  if (typeof value === 'number' && !Number.isFinite(value))
    return 'a label that is no finite number'
  if (typeof value === 'string' && value.length > 1_000)
    return 'a label of more than 1,000 characters'
  if (typeof value !== 'number' && typeof value !== 'string' && typeof value !== 'boolean')
    return 'no label'
  if (at === null) return { predictionId: id, value }
  const known = Number(at)
  return Number.isSafeInteger(known) && known >= 0
    ? { predictionId: id, value, at: known }
    : 'a time that is none'
}

function scalarOf(text: string): string | number | boolean {
  if (/^true$/i.test(text)) return true
  if (/^false$/i.test(text)) return false
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : text
}
