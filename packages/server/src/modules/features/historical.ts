import { createReadStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { randomHexId } from '../../kernel/ids.ts'
import { invariant, messageOf } from '../../kernel/errors.ts'
import { fail } from '../../platform/errors.ts'
import type { BlobStore } from '../../platform/blobs/index.ts'
import { appendValue, fromDuckDb, literal, sqlType } from './offline/columns.ts'
import { quoteName, quoteText } from '../../platform/database/index.ts'
import type { DuckDb } from '../../platform/duckdb/index.ts'
import { loadEntityFile, loadEntityRows, type EntityTable } from './offline/entity-table.ts'
import { joinAggregates } from './offline/aggregate-join.ts'
import type { OfflineStore } from './offline/offline-store.ts'
import {
  choosePlan,
  factsSql,
  pointInTimeSql,
  ROW,
  type JoinedView,
  type PointInTimeMode,
  type PointInTimePlan,
} from './offline/point-in-time.ts'
import type { Selection } from './selection.ts'
import { runTransforms, type Transforms } from './on-demand/transforms.ts'
import type { SourceFiles } from './sources/source-files.ts'
import type { Value } from './value.ts'

export type EntityInput =
  | { kind: 'rows'; rows: readonly Readonly<Record<string, unknown>>[] }
  | { kind: 'file'; format: 'csv' | 'parquet'; path: string }

export type HistoricalRequest = Readonly<{
  selection: Selection
  entities: EntityInput
  mode: PointInTimeMode
  /** Leaves out what was created after this instant, whatever the entity rows' instants are. */
  knownByUs?: number
  /** Adds the event time (us) of the first view's winner as the last column; null for windows. */
  withEvents?: boolean
  /** Instead of the plan that is fastest: for tests and measurements. */
  plan?: PointInTimePlan
}>

export type HistoricalRows = Readonly<{ columns: readonly string[]; rows: Value[][] }>

export type TrainingFile = Readonly<{
  digest: string
  size: number
  rows: number
  columns: readonly { name: string; type: string }[]
}>

/** Point-in-time joins over the offline store. As many rows come out as went in, in their order. */
export function createHistorical(deps: {
  offline: OfflineStore
  sources: SourceFiles
  transforms: Transforms
  duckdb: DuckDb
  blobs: BlobStore
  temporaryDir: string
}) {
  const { offline, sources, transforms, duckdb, blobs, temporaryDir } = deps

  const join_ = async (
    connection: DuckDBConnection,
    request: HistoricalRequest
  ): Promise<EntityTable> => {
    const { selection, entities, mode } = request
    const table =
      entities.kind === 'rows'
        ? await loadEntityRows(connection, selection, entities.rows)
        : await loadFile(connection, selection, entities)
    const parts: string[] = []
    for (const [i, read] of selection.reads.entries()) {
      await offline.openRows(connection, read.storage, {
        into: `rows_${i}`,
        knownByUs: request.knownByUs,
      })
      const keys = read.keys.map((k) => ({ view: k.view, entity: k.entity }))
      if (read.plan !== null) {
        const features = read.columns.map((c) => ({ at: c.at, as: `s${c.slot}` }))
        const view = { rows: `rows_${i}`, keys, plan: read.plan, features }
        await joinAggregates(connection, { view, mode, into: `part_${i}` })
        parts.push(`JOIN part_${i} USING (${ROW})`)
        continue
      }
      const view: JoinedView = {
        rows: `rows_${i}`,
        keys,
        features: read.columns.map((c) => ({
          column: c.name,
          as: `s${c.slot}`,
          missing: literal(c.missing, c.type),
        })),
        ttlUs: read.ttlUs,
        ...(request.withEvents === true && i === 0 ? { eventAs: '_winner_us' } : {}),
      }
      const plan = request.plan ?? (await planFor(connection, view, mode))
      const sql = pointInTimeSql('entities', view, { mode, plan })
      await connection.run(`CREATE TEMP TABLE part_${i} AS ${sql}`)
      parts.push(`JOIN part_${i} USING (${ROW})`)
    }
    const computed = await addComputed(connection, { selection, transforms }, parts)
    const outputs = selection.outputs.map(
      (o, i) => `${o.kind === 'stored' ? `s${o.slot}` : `c${i}`} AS ${quoteName(o.name)}`
    )
    if (request.withEvents === true)
      outputs.push(selection.reads[0]?.plan === null ? '_winner_us' : 'NULL AS _winner_us')
    await connection.run(
      `CREATE TEMP VIEW joined AS SELECT ${[...table.columns.map((c) => `e.${quoteName(c)}`), ...outputs].join(', ')}
       FROM entities e ${parts.join(' ')} ${computed} ORDER BY ${ROW}`
    )
    return table
  }

  const loadFile = async (
    connection: DuckDBConnection,
    selection: Selection,
    { format, path }: Extract<EntityInput, { kind: 'file' }>
  ): Promise<EntityTable> => {
    const opened = await sources.open({ kind: format, path }).catch((cause: unknown) => {
      throw fail('features.source_failed', `Entity rows ${path}: ${messageOf(cause)}`, {
        details: { path },
        cause,
      })
    })
    try {
      return await loadEntityFile(connection, selection, { path, opened })
    } finally {
      await opened.close()
    }
  }

  return {
    /** The joined rows. */
    rows: (request: HistoricalRequest): Promise<HistoricalRows> =>
      duckdb.use(async (connection) => {
        const { count } = await join_(connection, request)
        const read = await connection.runAndReadAll('SELECT * FROM joined')
        const rows = read.getRows().map((row) => row.map(fromDuckDb))
        invariant(rows.length === count, `a join of ${count} rows gave ${rows.length}`)
        return { columns: read.columnNames(), rows }
      }),

    /** The joined rows as a Parquet file in the blob store. The same rows make the same file. */
    file: (request: HistoricalRequest): Promise<TrainingFile> =>
      duckdb.use(async (connection) => {
        const { count } = await join_(connection, request)
        await mkdir(temporaryDir, { recursive: true })
        const path = join(temporaryDir, `${randomHexId()}.parquet`)
        try {
          const timed = `SELECT * REPLACE (make_timestamptz(event_timestamp) AS event_timestamp) FROM joined`
          await connection.run(
            `COPY (${timed}) TO ${quoteText(path)} (FORMAT parquet, COMPRESSION zstd)`
          )
          const described = await connection.runAndReadAll(
            `DESCRIBE SELECT * FROM read_parquet(${quoteText(path)})`
          )
          const columns = described
            .getRows()
            .map((row) => ({ name: String(row[0]), type: String(row[1]) }))
          const blob = await blobs.put(createReadStream(path))
          return { ...blob, rows: count, columns }
        } finally {
          await rm(path, { force: true })
        }
      }),
  }
}

async function planFor(
  connection: DuckDBConnection,
  view: JoinedView,
  mode: PointInTimeMode
): Promise<PointInTimePlan> {
  const [found = []] = (await connection.runAndReadAll(factsSql(view))).getRows()
  const [rows = 0, keys = 0, spanUs = 0, late = 0] = found.map(Number)
  return choosePlan(mode, view.ttlUs, { rows, keys, spanUs, late })
}

export type Historical = ReturnType<typeof createHistorical>

/** Computes on-demand features with the evaluator that online reads use, and returns the SQL that joins them. */
async function addComputed(
  connection: DuckDBConnection,
  { selection, transforms }: { selection: Selection; transforms: Transforms },
  parts: readonly string[]
): Promise<string> {
  const computed = selection.outputs.flatMap((output, i) =>
    output.kind === 'computed' ? [{ output, column: `c${i}` }] : []
  )
  if (computed.length === 0) return ''
  await connection.run(
    `CREATE TEMP TABLE computed (${ROW} BIGINT, ${computed.map((c) => `${c.column} ${sqlType(c.output.type)}`).join(', ')})`
  )
  const slots = [
    ...selection.reads.flatMap((r) => r.columns.map((c) => ({ slot: c.slot, sql: `s${c.slot}` }))),
    ...selection.request.map((r) => ({ slot: r.slot, sql: `e.${quoteName(r.name)}` })),
  ]
  const result = await connection.stream(
    `SELECT ${[ROW, ...slots.map((s) => s.sql)].join(', ')} FROM entities e ${parts.join(' ')}`
  )
  const appender = await connection.createAppender('computed')
  for (
    let chunk = await result.fetchChunk();
    chunk !== null && chunk.rowCount > 0;
    chunk = await result.fetchChunk()
  ) {
    const rows = chunk.getRows()
    const filled = rows.map(([, ...values]) => {
      const row = new Array<Value>(selection.slots).fill(null)
      slots.forEach(({ slot }, i) => {
        row[slot] = fromDuckDb(values[i] ?? null)
      })
      return row
    })
    await runTransforms(transforms, selection, filled)
    for (const [i, [row]] of rows.entries()) {
      appender.appendBigInt(BigInt(Number(row)))
      for (const { output } of computed)
        appendValue(appender, output.type, output.run(filled[i] ?? []))
      appender.endRow()
    }
  }
  appender.closeSync()
  return `JOIN computed USING (${ROW})`
}
