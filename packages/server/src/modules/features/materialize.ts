import type { DuckDBConnection } from '@duckdb/node-api'
import type { Clock } from '../../kernel/clock.ts'
import type { Catalog } from './definitions/catalog.ts'
import type { Storage, ViewRecord } from './definitions/model.ts'
import { CREATED, EVENT, fromDuckDb, SEQ } from './offline/columns.ts'
import { quoteName, quoteText } from '../../platform/database/index.ts'
import type { DuckDb } from '../../platform/duckdb/index.ts'
import { importSource, type Imported } from './offline/import-source.ts'
import type { OfflineStore } from './offline/offline-store.ts'
import type { Segment } from './offline/offline-log.ts'
import type { OnlineRow, OnlineStore } from './online/online-store.ts'
import { encodeKey, packRow, unpackRow } from './row-codec.ts'
import type { Value } from './value.ts'

export type MaterializeRequest = Readonly<{
  project: string
  view: string | null
  mode: 'incremental' | 'full'
  /** Event times, both ends included; null leaves the end open. For mode `full`. */
  fromMs: number | null
  toMs: number | null
}>

export type Materialized = Readonly<{
  view: string
  version: number
  importedRows: number
  skippedRows: number
  materializedRows: number
  durationMs: number
}>

export type Progress = {
  view: string
  startedAt: number
  rows: number
  segmentsDone: number
  segments: number
}

type Deps = {
  catalog: Catalog
  offline: OfflineStore
  online: OnlineStore
  duckdb: DuckDb
  clock: Clock
}

/**
 * Brings the online store up to date from the offline store. Incremental goes by arrival, not by event time: a row that comes late is taken
 * all the same. Rows stream in chunks, each a transaction of conditional upserts, so memory is bounded, an interrupted run harms nothing, and
 * the next one goes on after the last segment that was finished.
 */
export function createMaterializer(deps: Deps) {
  const { catalog, offline, online, duckdb, clock } = deps
  const running = new Map<string, Progress>()
  let queue: Promise<unknown> = Promise.resolve()

  const exclusive = <T>(work: () => Promise<T>): Promise<T> => {
    const result = queue.then(work)
    queue = result.catch(() => undefined)
    return result
  }

  const importView = (
    connection: DuckDBConnection,
    view: ViewRecord,
    storage: Storage
  ): Promise<Imported> =>
    view.batch === null
      ? Promise.resolve({ rows: 0, skipped: 0 })
      : importSource(offline, connection, { view, batch: view.batch, storage })

  const materializeView = async (
    view: ViewRecord,
    request: MaterializeRequest
  ): Promise<Materialized> => {
    const storage = catalog.storageOf(view)
    const startedAt = clock.now()
    const progress: Progress = { view: view.name, startedAt, rows: 0, segmentsDone: 0, segments: 0 }
    running.set(`${request.project}/${view.name}`, progress)
    try {
      return await duckdb.use(async (connection) => {
        const imported = await importView(connection, view, storage)
        if (view.online) await carry(connection, { storage, request, progress })
        return {
          view: view.name,
          version: view.version,
          importedRows: imported.rows,
          skippedRows: imported.skipped,
          materializedRows: progress.rows,
          durationMs: clock.now() - startedAt,
        }
      })
    } finally {
      running.delete(`${request.project}/${view.name}`)
    }
  }

  const carry = async (
    connection: DuckDBConnection,
    {
      storage,
      request,
      progress,
    }: { storage: Storage; request: MaterializeRequest; progress: Progress }
  ): Promise<void> => {
    const isFull = request.mode === 'full'
    const keepMs = catalog.keepMs(storage)
    const afterSeq = isFull ? 0 : ((await online.watermark(storage.id))?.seq ?? 0)
    const fromUs = isFull && request.fromMs !== null ? request.fromMs * 1000 : -Infinity
    const toUs = isFull && request.toMs !== null ? request.toMs * 1000 + 999 : Infinity
    // What arrives from here on is left to the next run.
    const { lastSeq } = offline.log.facts(storage.id)
    const segments = offline.log
      .segments(storage.id)
      .filter((s) => s.maxSeq > afterSeq && s.maxEventUs >= fromUs && s.minEventUs <= toUs)
    const pending = offline.log
      .pending(storage.id, afterSeq)
      .filter((row) => row.eventUs >= fromUs && row.eventUs <= toUs)
    progress.segments = segments.length + 1

    const write = async (rows: readonly OnlineRow[], seq: number | null): Promise<void> => {
      const now = clock.now()
      // A run over part of the time says nothing about how far arrival has come.
      const watermark = seq === null || isFull ? {} : { watermark: { seq, at: now } }
      await online.write({ storage: storage.id, rows, now, keepMs, ...watermark })
      progress.rows += rows.length
    }
    for (const [i, segment] of segments.entries()) {
      const path = offline.pathOf(segment.file)
      for await (const rows of newestRows(connection, storage, { path, afterSeq, fromUs, toUs }))
        await write(rows, null)
      progress.segmentsDone += 1
      await write([], reachedAfter(segments, i, pending[0]?.seq ?? lastSeq + 1))
    }
    const keyCount = storage.keys.length
    const types = [...storage.keys, ...storage.columns].map((c) => c.type)
    for (let i = 0; i < pending.length; i += 2_000) {
      const rows = pending.slice(i, i + 2_000).map((row): OnlineRow => {
        const values = unpackRow(row.packed, types)
        return {
          key: encodeKey(values.slice(0, keyCount) as Exclude<Value, null>[]), // a pushed row has no null key
          packed: packRow(values.slice(keyCount)),
          eventUs: row.eventUs,
          createdUs: row.createdUs,
          seq: row.seq,
        }
      })
      await write(rows, null)
    }
    const isWhole = !isFull || (request.fromMs === null && request.toMs === null)
    await online.write({
      storage: storage.id,
      rows: [],
      now: clock.now(),
      ...(isWhole ? { watermark: { seq: lastSeq, at: clock.now() } } : {}),
    })
    progress.segmentsDone += 1
  }

  return {
    exclusive,
    /** Runs one after the other: two at a time would only fight for the disk. */
    materialize: (request: MaterializeRequest): Promise<Materialized[]> => {
      const views =
        request.view === null
          ? [...catalog.of(request.project).views.values()].flatMap(
              (versions) => versions.at(-1) ?? []
            )
          : [catalog.view(request.project, request.view)]
      return exclusive(async () => {
        const done: Materialized[] = []
        for (const view of views) done.push(await materializeView(view, request))
        return done
      })
    },
    /** Reads new source files of views into the offline store, without touching the online store. */
    importSources: (views: readonly ViewRecord[]): Promise<void> =>
      views.every((v) => v.batch === null)
        ? Promise.resolve()
        : exclusive(() =>
            duckdb.use(async (connection) => {
              for (const view of views) await importView(connection, view, catalog.storageOf(view))
            })
          ),
    progress: (project: string): Progress[] =>
      [...running]
        .filter(([key]) => key.startsWith(`${project}/`))
        .map(([, progress]) => ({ ...progress })),
  }
}

/** Up to which number everything is online once segment `i` is: up to the first number that is still to come. */
function reachedAfter(segments: readonly Segment[], i: number, firstPending: number): number {
  return Math.min(firstPending, ...segments.slice(i + 1).map((s) => s.minSeq)) - 1
}

type Range = { path: string; afterSeq: number; fromUs: number; toUs: number }

/** The newest row per key of one segment, in chunks. Finding the winners first by numbers alone keeps wide rows out of the hash table. */
async function* newestRows(
  connection: DuckDBConnection,
  storage: Storage,
  range: Range
): AsyncGenerator<OnlineRow[]> {
  const file = `read_parquet(${quoteText(range.path)})`
  const where = [
    `${SEQ} > ${range.afterSeq}`,
    ...(Number.isFinite(range.fromUs) ? [`${EVENT} >= ${range.fromUs}`] : []),
    ...(Number.isFinite(range.toUs) ? [`${EVENT} <= ${range.toUs}`] : []),
  ].join(' AND ')
  const keys = storage.keys.map((k) => quoteName(k.name))
  const winners = `SELECT max(struct_pack(e := ${EVENT}, c := coalesce(${CREATED}, -9007199254740991), s := ${SEQ})).s FROM ${file} WHERE ${where}${keys.length === 0 ? '' : ` GROUP BY ${keys.join(', ')}`}`
  const present = new Set(
    (await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${file}`))
      .getRows()
      .map((row) => String(row[0]))
  )
  const columns = storage.columns.map((c) => (present.has(c.name) ? quoteName(c.name) : 'NULL'))
  const result = await connection.stream(
    `SELECT ${[EVENT, CREATED, SEQ, ...keys, ...columns].join(', ')} FROM ${file} WHERE ${where} AND ${SEQ} IN (${winners})`
  )
  for (
    let chunk = await result.fetchChunk();
    chunk !== null && chunk.rowCount > 0;
    chunk = await result.fetchChunk()
  ) {
    yield chunk.getRows().map((row) => {
      const [event, created, seq, ...values] = row.map(fromDuckDb)
      return {
        key: encodeKey(values.slice(0, keys.length) as Exclude<Value, null>[]), // rows without a key are not taken in
        packed: packRow(values.slice(keys.length)),
        eventUs: Number(event),
        createdUs: created === null ? null : Number(created),
        seq: Number(seq),
      }
    })
  }
}
