import { batchName, type BatchSource } from '@trestle/contract'
import type { DuckDBConnection } from '@duckdb/node-api'
import { AppError, messageOf } from '../../../kernel/errors.ts'
import { fail } from '../../../platform/errors.ts'
import { isAggregated, storedColumns } from '../aggregate/plan.ts'
import type { Storage, ViewRecord } from '../definitions/model.ts'
import { castColumn, instantColumn, type SourceColumn } from './cast.ts'
import { CREATED, EVENT, rowColumns, SEQ } from './columns.ts'
import { quoteName, quoteText } from '../../../platform/database/index.ts'
import type { OpenFile, SourceFiles } from '../sources/source-files.ts'
import type { ImportedFile, NewSegment } from './offline-log.ts'
import type { OfflineStore } from './offline-store.ts'

export type Imported = Readonly<{
  rows: number
  skipped: number
  /** Whether rows that were read before are gone. */
  hasReplaced: boolean
}>

/**
 * Takes in the view's source files that are new or have changed: all of them or, when one is faulty, none. A changed file replaces what was read
 * from it before. Rows without a key or event time are skipped and counted. Throws `features.source_failed`, naming view and column, when a
 * source can't be read, has not the columns or types that the view declares, or changes meanwhile.
 */
export async function importSource(
  deps: { offline: OfflineStore; sources: SourceFiles },
  connection: DuckDBConnection,
  target: Target
): Promise<Imported> {
  const { offline, sources } = deps
  const { view, batch, storage } = target
  const reading = { batch, columns: rowColumns(storage) }
  const taken: ImportedFile[] = []
  let skipped = 0
  let hasReplaced = false
  const files = await sources.list(batch).catch((error: unknown) => {
    throw broken(view, batchName(batch), error)
  })
  try {
    for (const file of files) {
      const before = offline.log.fingerprint(storage.id, file.name)
      const isAsBefore = (identity: string | null): boolean =>
        identity !== null && before === JSON.stringify([identity, reading])
      if (isAsBefore(file.fingerprint)) continue
      const opened = await file.open().catch((error: unknown) => {
        throw broken(view, file.name, error)
      })
      try {
        if (isAsBefore(opened.fingerprint)) continue
        const imported = await importFile({ offline, connection, target }, file.name, opened)
        taken.push({
          name: file.name,
          fingerprint: JSON.stringify([opened.fingerprint, reading]),
          segment: imported.segment,
        })
        skipped += imported.skipped
        hasReplaced ||= before !== null
        await opened.checkUnchanged().catch((error: unknown) => {
          throw broken(view, file.name, error)
        })
      } finally {
        await opened.close()
      }
    }
  } catch (error) {
    for (const { segment } of taken) if (segment !== null) offline.discard(segment)
    throw error
  }
  offline.log.replaceImports(storage.id, taken)
  return {
    rows: taken.reduce((sum, { segment }) => sum + (segment?.rows ?? 0), 0),
    skipped,
    hasReplaced,
  }
}

type Target = Readonly<{ view: ViewRecord; batch: BatchSource; storage: Storage }>

const broken = (view: ViewRecord, source: string, cause: unknown) =>
  cause instanceof AppError
    ? cause
    : fail(
        'features.source_failed',
        `Source of view "${view.name}" (${source}): ${messageOf(cause)}`,
        {
          details: { view: view.name, source },
          cause,
        }
      )

async function importFile(
  {
    offline,
    connection,
    target,
  }: { offline: OfflineStore; connection: DuckDBConnection; target: Target },
  name: string,
  file: OpenFile
): Promise<{ segment: NewSegment | null; skipped: number }> {
  const { view, batch, storage } = target
  const refuse = (detail: string) => broken(view, name, new Error(detail))
  const isText = file.format === 'csv'
  const from = readerSql(file.format, file.path)
  const found = await describe(connection, from).catch((cause: unknown) => {
    throw broken(view, name, cause)
  })
  const source = (column: string, what: string): SourceColumn => {
    const type = found.get(column)
    if (type === undefined)
      throw refuse(
        `${what} reads column "${column}", and there is none. The columns are ${[...found.keys()].join(', ')}`
      )
    return { sql: quoteName(column), type, isText }
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
        throw refuse(`${what} is declared ${c.type}, and the column is ${column.type}`)
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
        throw broken(view, name, cause)
      })
  ).getRows()
  const wrong = faults.findIndex((_, i) => counts[i + 2] !== null)
  const fault = faults[wrong]
  if (fault !== undefined)
    throw refuse(
      `${fault.what} has the value ${String(counts[wrong + 2])}, which is not ${fault.expected}`
    )
  const total = Number(counts[0])
  const usable = Number(counts[1])
  const firstSeq = offline.log.reserveFor(storage.id, usable)
  // Known from its event time on, where the source does not say when it became known.
  const query = `SELECT ${event.value} AS ${EVENT}, ${created === null ? event.value : created.value} AS ${CREATED},
    CAST(${firstSeq} + row_number() OVER () - 1 AS BIGINT) AS ${SEQ}, ${columns.map((c) => `${c.value} AS ${quoteName(c.name)}`).join(', ')}
    FROM ${from} WHERE ${isUsable}`
  const segment = await offline.writeSegment(connection, query, {
    storage: storage.id,
    source: name,
  })
  return { segment, skipped: total - usable }
}

/** CSV is read as text and parsed by us: a guessed type would lose leading zeros and round integers. */
export const readerSql = (kind: 'csv' | 'parquet', path: string): string =>
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
