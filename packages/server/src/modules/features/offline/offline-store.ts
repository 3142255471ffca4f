import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import type { Clock } from '../../../kernel/clock.ts'
import { randomHexId } from '../../../kernel/ids.ts'
import type { Storage } from '../definitions/model.ts'
import { unpackRow } from '../row-codec.ts'
import { appendValue, CREATED, EVENT, rowColumns, SEQ, tableColumns } from './columns.ts'
import { quoteText } from '../../../platform/database/index.ts'
import type { DuckDb } from '../../../platform/duckdb/index.ts'
import type { NewSegment, OfflineLog, PendingRow, Segment } from './offline-log.ts'

/** So many pushed rows of a storage become a Parquet file. */
const COMPACT_AT = 20_000
/** So many small files of pushed rows become one. */
const MERGE_AT = 12
const SMALL_SEGMENT_ROWS = 500_000

/** Every row of every storage that was ever taken in, as Parquet files plus the last pushed rows. */
export function createOfflineStore(deps: {
  dir: string
  log: OfflineLog
  duckdb: DuckDb
  clock: Clock
}) {
  const { dir, log, duckdb, clock } = deps
  const segmentsDir = join(dir, 'segments')
  mkdirSync(segmentsDir, { recursive: true })

  const newFile = (storage: number): string => {
    mkdirSync(join(segmentsDir, String(storage)), { recursive: true })
    return join(String(storage), `${randomHexId()}.parquet`)
  }
  const pathOf = (file: string): string => join(segmentsDir, file)

  /** Writes a query's rows as a segment file that is on disk when this returns; null when there are none. The query gives the columns of the storage. */
  const writeSegment = async (
    connection: DuckDBConnection,
    query: string,
    about: { storage: number; source: string | null }
  ): Promise<NewSegment | null> => {
    const file = newFile(about.storage)
    await connection.run(
      `COPY (${query}) TO ${quoteText(pathOf(file))} (FORMAT parquet, COMPRESSION zstd)`
    )
    const facts = await connection.runAndReadAll(
      `SELECT count(*), min(${SEQ}), max(${SEQ}), min(${EVENT}), max(${EVENT}) FROM read_parquet(${quoteText(pathOf(file))})`
    )
    const [rows = 0, minSeq = 0, maxSeq = 0, minEventUs = 0, maxEventUs = 0] = (
      facts.getRows()[0] ?? []
    ).map(Number)
    if (rows === 0) {
      rmSync(pathOf(file))
      return null
    }
    await syncFile(pathOf(file))
    return { ...about, file, rows, minSeq, maxSeq, minEventUs, maxEventUs, createdAt: clock.now() }
  }

  /** Makes a temporary table `into` of pushed rows, with every column of the storage. */
  const loadPending = async (
    connection: DuckDBConnection,
    into: string,
    from: { storage: Storage; rows: readonly PendingRow[] }
  ): Promise<void> => {
    await connection.run(`CREATE TEMP TABLE ${into} (${tableColumns(from.storage)})`)
    const types = rowColumns(from.storage).map((c) => c.type)
    const appender = await connection.createAppender(into)
    for (const row of from.rows) {
      appender.appendBigInt(BigInt(row.eventUs))
      if (row.createdUs === null) appender.appendNull()
      else appender.appendBigInt(BigInt(row.createdUs))
      appender.appendBigInt(BigInt(row.seq))
      const values = unpackRow(row.packed, types)
      types.forEach((type, i) => appendValue(appender, type, values[i] ?? null))
      appender.endRow()
    }
    appender.closeSync()
  }

  const compact = async (storage: Storage): Promise<void> => {
    await duckdb.use(async (connection) => {
      await loadPending(connection, 'fresh', { storage, rows: log.pending(storage.id, 0) })
      const segment = await writeSegment(connection, `SELECT * FROM fresh ORDER BY ${SEQ}`, {
        storage: storage.id,
        source: null,
      })
      if (segment !== null) log.replacePending(segment)
    })
    const small = log
      .segments(storage.id)
      .filter((s) => s.source === null && s.rows < SMALL_SEGMENT_ROWS)
    if (small.length >= MERGE_AT) await merge(storage.id, small)
  }

  const merge = async (storage: number, segments: readonly Segment[]): Promise<void> => {
    await duckdb.use(async (connection) => {
      const merged = await writeSegment(
        connection,
        `SELECT * FROM ${filesSql(segments.map((s) => pathOf(s.file)))}`,
        { storage, source: null }
      )
      if (merged !== null)
        log.mergeSegments(
          segments.map((s) => s.id),
          merged
        )
    })
  }

  return {
    log,
    pathOf,
    writeSegment,
    /**
     * Makes a view `into` on the connection of all rows of a storage, with every column of it.
     * With `knownByUs`, only of rows that were created by then. Types are the storage's: rows from before a column was added have null there.
     */
    async openRows(
      connection: DuckDBConnection,
      storage: Storage,
      { into, knownByUs }: { into: string; knownByUs?: number | undefined }
    ): Promise<void> {
      // Both in one turn: a compaction between them would show rows twice or not at all.
      const files = log.segments(storage.id).map((s) => pathOf(s.file))
      const rows = log.pending(storage.id, 0)
      await loadPending(connection, `${into}_pending`, { storage, rows })
      const fromFiles =
        files.length === 0 ? '' : ` UNION ALL BY NAME SELECT * FROM ${filesSql(files)}`
      const known = knownByUs === undefined ? '' : ` WHERE ${CREATED} <= ${knownByUs}`
      await connection.run(
        `CREATE TEMP VIEW ${into} AS SELECT * FROM (SELECT * FROM ${into}_pending${fromFiles})${known}`
      )
    },
    /** Removes the file of a segment that is not kept. */
    discard: (segment: NewSegment): void => rmSync(pathOf(segment.file), { force: true }),
    isCompactionDue: (atLeast = COMPACT_AT): boolean =>
      log.storagesWithPending().some(({ rows }) => rows >= atLeast),
    /** Moves pushed rows into Parquet where enough have gathered. */
    async compactWhereDue(
      storageOf: (id: number) => Storage | undefined,
      atLeast = COMPACT_AT
    ): Promise<void> {
      for (const { storage: id, rows } of log.storagesWithPending()) {
        const storage = storageOf(id)
        if (storage !== undefined && rows >= atLeast) await compact(storage)
      }
    },
    /** Removes files that no segment names: what a crash or a replaced import left. Only while nothing reads. */
    removeOrphans(): void {
      const known = new Set(log.allFiles())
      for (const entry of readdirSync(segmentsDir, { recursive: true, withFileTypes: true })) {
        const file = join(entry.parentPath, entry.name).slice(segmentsDir.length + 1)
        if (entry.isFile() && !known.has(file)) rmSync(pathOf(file))
      }
    },
  }
}
export type OfflineStore = ReturnType<typeof createOfflineStore>

export const filesSql = (paths: readonly string[]): string =>
  `read_parquet([${paths.map(quoteText).join(', ')}], union_by_name = true)`

async function syncFile(path: string): Promise<void> {
  for (const target of [path, dirname(path)]) {
    const handle = await open(target, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  }
}
