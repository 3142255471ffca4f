import { stat } from 'node:fs/promises'
import type { BatchSource } from '@trestle/contract'
import type { DuckDBConnection } from '@duckdb/node-api'
import { messageOf } from '../../../kernel/errors.ts'
import { fail } from '../../../platform/errors.ts'
import { isAggregated, storedColumns } from '../aggregate/plan.ts'
import type { Storage, ViewRecord } from '../definitions/model.ts'
import { castColumn, instantColumn, type SourceColumn } from './cast.ts'
import { CREATED, EVENT, rowColumns, SEQ } from './columns.ts'
import { quoteName, quoteText } from '../../../platform/database/index.ts'
import type { OfflineStore } from './offline-store.ts'

export type Imported = Readonly<{
  rows: number
  skipped: number
  /** Whether rows that were read before are gone. */
  hasReplaced: boolean
}>

/**
 * Takes in the view's source files that are new or have changed. A changed file replaces what was read from it before.
 * Rows without a key or event time are skipped and counted. Throws `features.source_failed`, naming view and column, when a file has not the
 * columns or types that the view declares; nothing of that file is then taken in.
 */
export async function importSource(
  offline: OfflineStore,
  connection: DuckDBConnection,
  target: { view: ViewRecord; batch: BatchSource; storage: Storage }
): Promise<Imported> {
  const { view, batch, storage } = target
  let rows = 0
  let skipped = 0
  let hasReplaced = false
  for (const path of await sourceFiles(connection, { view: view.name, path: batch.path })) {
    const fingerprint = await fingerprintOf(path, { batch, columns: rowColumns(storage) })
    const before = offline.log.fingerprint(storage.id, path)
    if (before === fingerprint) continue
    hasReplaced ||= before !== null
    const imported = await importFile({ offline, connection, target }, path, fingerprint)
    rows += imported.rows
    skipped += imported.skipped
  }
  return { rows, skipped, hasReplaced }
}

type Setting = Readonly<{
  offline: OfflineStore
  connection: DuckDBConnection
  target: { view: ViewRecord; batch: BatchSource; storage: Storage }
}>

async function importFile(
  { offline, connection, target }: Setting,
  path: string,
  fingerprint: string
): Promise<{ rows: number; skipped: number }> {
  const { view, batch, storage } = target
  const broken = (detail: string, cause?: unknown) =>
    fail('features.source_failed', `Source of view "${view.name}" (${path}): ${detail}`, {
      details: { view: view.name, path },
      cause,
    })
  const from = readerSql(batch.kind, path)
  const found = await describe(connection, from).catch((cause: unknown) => {
    throw broken(messageOf(cause), cause)
  })
  const source = (column: string, what: string): SourceColumn => {
    const type = found.get(column)
    if (type === undefined)
      throw broken(
        `${what} reads column "${column}", and there is none. The columns are ${[...found.keys()].join(', ')}`
      )
    return { sql: quoteName(column), type, isText: batch.kind === 'csv' }
  }
  const event = instantColumn(source(batch.eventTime, 'the event time'))
  const created =
    batch.createdTime === null ? null : instantColumn(source(batch.createdTime, 'the created time'))
  // A column that only an older version of the view declares is not asked of the source any more.
  const declared = new Set([...storage.keys, ...storedColumns(view)].map((c) => c.name))
  const columns = rowColumns(storage)
    .filter((c) => declared.has(c.name))
    .map((c) => {
      const what = storage.keys.some((k) => k.name === c.name)
        ? `key "${c.name}"`
        : `${isAggregated(view) ? 'input' : 'feature'} "${c.name}"`
      const column = source(batch.columns[c.name] ?? c.name, what)
      const cast = castColumn(column, c.type)
      if (cast === null)
        throw broken(`${what} is declared ${c.type}, and the column is ${column.type}`)
      return { name: c.name, what, ...cast }
    })
  const faults = [
    { what: 'the event time', ...event },
    ...(created === null ? [] : [{ what: 'the created time', ...created }]),
    ...columns,
  ]
  const isUsable = [
    event.value,
    ...storage.keys.map((k) => columns.find((c) => c.name === k.name)?.value ?? 'NULL'),
  ]
    .map((sql) => `(${sql}) IS NOT NULL`)
    .join(' AND ')
  const [counts = []] = (
    await connection
      .runAndReadAll(
        `SELECT count(*), count(*) FILTER (WHERE ${isUsable}), ${faults.map((f) => `CAST(first(${f.raw}) FILTER (WHERE ${f.bad}) AS VARCHAR)`).join(', ')} FROM ${from}`
      )
      .catch((cause: unknown) => {
        throw broken(messageOf(cause), cause)
      })
  ).getRows()
  const wrong = faults.findIndex((_, i) => counts[i + 2] !== null)
  const fault = faults[wrong]
  if (fault !== undefined)
    throw broken(
      `${fault.what} has the value ${String(counts[wrong + 2])}, which is not ${fault.expected}`
    )
  const total = Number(counts[0])
  const usable = Number(counts[1])
  const firstSeq = offline.log.reserveSeq(usable)
  // Known from its event time on, where the source does not say when it became known.
  const query = `SELECT ${event.value} AS ${EVENT}, ${created === null ? event.value : created.value} AS ${CREATED},
    CAST(${firstSeq} + row_number() OVER () - 1 AS BIGINT) AS ${SEQ}, ${columns.map((c) => `${c.value} AS ${quoteName(c.name)}`).join(', ')}
    FROM ${from} WHERE ${isUsable}`
  const segment = await offline.writeSegment(connection, query, {
    storage: storage.id,
    source: path,
  })
  offline.log.replaceImport(
    { storage: storage.id, path, fingerprint },
    segment === null ? [] : [segment]
  )
  return { rows: usable, skipped: total - usable }
}

/** CSV is read as text and parsed by us: a guessed type would lose leading zeros and round integers. */
export const readerSql = (kind: BatchSource['kind'], path: string): string =>
  kind === 'csv'
    ? `read_csv(${quoteText(path)}, header = true, all_varchar = true)`
    : `read_parquet(${quoteText(path)})`

export async function describe(
  connection: DuckDBConnection,
  from: string
): Promise<Map<string, string>> {
  const rows = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${from}`)
  return new Map(
    rows.getRowObjects().map((row) => [String(row['column_name']), String(row['column_type'])])
  )
}

async function sourceFiles(
  connection: DuckDBConnection,
  source: { view: string; path: string }
): Promise<string[]> {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(source.path))
    throw fail(
      'features.source_failed',
      `Source of view "${source.view}": ${source.path} is not a local path`,
      {
        details: source,
      }
    )
  const rows = await connection.runAndReadAll(
    `SELECT file FROM glob(${quoteText(source.path)}) ORDER BY file`
  )
  const files = rows.getRows().map((row) => String(row[0]))
  if (files.length === 0)
    throw fail(
      'features.source_failed',
      `Source of view "${source.view}": there is no file ${source.path}`,
      {
        details: source,
      }
    )
  return files
}

async function fingerprintOf(path: string, reading: unknown): Promise<string> {
  const { size, mtimeNs } = await stat(path, { bigint: true })
  return JSON.stringify([size.toString(), mtimeNs.toString(), reading])
}
