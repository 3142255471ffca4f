import type { DuckDBConnection } from '@duckdb/node-api'
import type { Clock } from '../../kernel/clock.ts'
import type { Catalog, Feed } from './definitions/catalog.ts'
import type { Storage, ViewRecord } from './definitions/model.ts'
import { CREATED, EVENT, fromDuckDb, SEQ } from './offline/columns.ts'
import { quoteName, quoteText } from '../../platform/database/index.ts'
import type { DuckDb } from '../../platform/duckdb/index.ts'
import { importSource, type Imported } from './offline/import-source.ts'
import type { OfflineStore } from './offline/offline-store.ts'
import type { Segment } from './offline/offline-log.ts'
import type { Arrivals } from './online/arrivals.ts'
import { feedRows, type FeedRow } from './online/feed.ts'
import type { OnlineStore } from './online/online-store.ts'
import type { SourceFiles } from './sources/source-files.ts'
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
  sources: SourceFiles
  arrivals: Arrivals
  duckdb: DuckDb
  clock: Clock
}

/**
 * Brings the online store up to date from the offline store. Incremental goes by arrival, not by event time: a row that comes late is taken
 * all the same. Rows stream in chunks, each a transaction of conditional upserts, so memory is bounded, an interrupted run harms nothing, and
 * the next one goes on after the last segment that was finished.
 */
export function createMaterializer(deps: Deps) {
  const { catalog, offline, online, arrivals, duckdb, clock } = deps
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
      ? Promise.resolve({ rows: 0, skipped: 0, hasReplaced: false })
      : importSource(deps, connection, { view, batch: view.batch, storage })

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
        for (const feed of catalog.feeds(storage)) {
          const isAnew = request.mode === 'full' || imported.hasReplaced
          if (feed.kind === 'states' && isAnew)
            // States can't forget an event, so they are made again beside the old ones, which are read until then.
            await catalog
              .rebuildStates(storage, feed, async (fresh) => {
                await carry(connection, { storage, feed: fresh, span: null, progress })
              })
              .then(() => online.clear(feed.id))
          else await carry(connection, { storage, feed, span: spanOf(feed, request), progress })
        }
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

  /** Brings what has arrived since the feed's watermark, or a span of event times. */
  const carry = async (
    connection: DuckDBConnection,
    { storage, feed, span, progress }: Carrying
  ): Promise<void> => {
    const keepMs = catalog.keepMs(storage)
    const mark = (await online.watermark(feed.id))?.seq ?? 0
    const afterSeq = span === null ? mark : 0
    const fromUs = Math.max(
      span?.fromUs ?? -Infinity,
      // What no window reaches any more is not read.
      feed.kind === 'states' ? clock.now() * 1000 - feed.plan.keepUs : -Infinity
    )
    const toUs = span?.toUs ?? Infinity
    // What arrives from here on is left to the next run.
    const lastSeq = Math.max(offline.log.facts(storage.id).lastSeq, mark)
    const all = offline.log.segments(storage.id).filter((s) => s.maxSeq > afterSeq)
    const segments = all.filter((s) => s.maxEventUs >= fromUs && s.minEventUs <= toUs)
    const pending = offline.log.pending(storage.id, afterSeq)
    progress.segments += segments.length + 1

    const write = async (rows: readonly FeedRow[], reached: number | null): Promise<void> => {
      const now = clock.now()
      const watermark = reached === null ? {} : { watermark: { seq: reached, at: now } }
      await feedRows(online, feed, { rows, now, keepMs, doneSeq: mark, ...watermark })
      progress.rows += rows.length
    }
    for (const segment of segments) {
      const range = { path: offline.pathOf(segment.file), afterSeq, fromUs, toUs }
      const read = feed.kind === 'rows' ? newestRows : allRows
      for await (const rows of read(connection, storage, range)) await write(rows, null)
      progress.segmentsDone += 1
      // A run over part of the time says nothing about how far arrival has come.
      if (span === null) await write([], reachedAfter(all, segment, pending[0]?.seq ?? lastSeq + 1))
    }
    const keyCount = storage.keys.length
    const types = [...storage.keys, ...storage.columns].map((c) => c.type)
    for (let i = 0; i < pending.length; i += 2_000) {
      const rows = pending
        .slice(i, i + 2_000)
        .filter((row) => row.eventUs >= fromUs && row.eventUs <= toUs)
        .map(({ packed, ...row }): FeedRow => {
          const values = unpackRow(packed, types)
          return {
            ...row,
            key: encodeKey(values.slice(0, keyCount) as Exclude<Value, null>[]), // a pushed row has no null key
            values: values.slice(keyCount),
            packed: packRow(values.slice(keyCount)),
          }
        })
      await write(rows, null)
    }
    if (span === null) {
      await write([], lastSeq)
      await arrivals.raise(feed.id, lastSeq)
    }
    progress.segmentsDone += 1
  }

  /** The newest of the older versions that have rows of their own, where a service still reads them. */
  const olderInUse = (newest: ViewRecord): ViewRecord[] => {
    const { views, services } = catalog.of(newest.project)
    const pins = [...services.values()].flat().flatMap((s) => s.features)
    const versions = (views.get(newest.name) ?? []).filter((v) => v.storageId !== newest.storageId)
    const isRead = (v: ViewRecord): boolean =>
      pins.some((p) => p.view === v.name && p.version === v.version)
    return [...new Map(versions.filter(isRead).map((v) => [v.storageId, v])).values()]
  }

  return {
    exclusive,
    /** Brings online what was pushed and did not get there, because the process died between the two stores. New segments are left to a materialization. */
    async catchUp(): Promise<void> {
      for (const { storage: id } of offline.log.storagesWithPending()) {
        const storage = catalog.storage(id)
        for (const feed of storage === undefined ? [] : catalog.feeds(storage)) {
          const mark = (await online.watermark(feed.id))?.seq ?? 0
          const isBehind = offline.log.segments(id).some((s) => s.maxSeq > mark)
          if (storage === undefined || isBehind || offline.log.pending(id, mark).length === 0)
            continue
          const progress = {
            view: storage.view,
            startedAt: clock.now(),
            rows: 0,
            segmentsDone: 0,
            segments: 0,
          }
          await duckdb.use((connection) =>
            carry(connection, { storage, feed, span: null, progress })
          )
        }
      }
    },
    /** Runs one after the other: two at a time would only fight for the disk. */
    materialize: (request: MaterializeRequest): Promise<Materialized[]> => {
      const views =
        request.view === null
          ? [...catalog.of(request.project).views.values()].flatMap(
              (versions) => versions.at(-1) ?? []
            )
          : [catalog.view(request.project, request.view)]
      const withOlder = views.flatMap((view) => [view, ...olderInUse(view)])
      return exclusive(async () => {
        const done: Materialized[] = []
        for (const view of withOlder) done.push(await materializeView(view, request))
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

type Carrying = Readonly<{
  storage: Storage
  feed: Feed
  /** Null: what has arrived since the watermark. */
  span: { fromUs: number; toUs: number } | null
  progress: Progress
}>

function spanOf(feed: Feed, request: MaterializeRequest): Carrying['span'] {
  if (request.mode === 'incremental' || feed.kind === 'states') return null
  return {
    fromUs: request.fromMs === null ? -Infinity : request.fromMs * 1000,
    toUs: request.toMs === null ? Infinity : request.toMs * 1000 + 999,
  }
}

/** Up to which number everything is online once a segment is: up to the first number that is still to come. */
function reachedAfter(all: readonly Segment[], done: Segment, firstPending: number): number {
  const later = all.slice(all.indexOf(done) + 1)
  return Math.min(firstPending, ...later.map((s) => s.minSeq)) - 1
}

type Range = { path: string; afterSeq: number; fromUs: number; toUs: number }

/** The newest row per key of one segment, in chunks. Finding the winners first by numbers alone keeps wide rows out of the hash table. */
async function* newestRows(
  connection: DuckDBConnection,
  storage: Storage,
  range: Range
): AsyncGenerator<FeedRow[]> {
  const file = `read_parquet(${quoteText(range.path)})`
  const keys = storage.keys.map((k) => quoteName(k.name))
  const winners = `SELECT max(struct_pack(e := ${EVENT}, c := coalesce(${CREATED}, -9007199254740991), s := ${SEQ})).s FROM ${file} WHERE ${rangeSql(range)}${keys.length === 0 ? '' : ` GROUP BY ${keys.join(', ')}`}`
  yield* rowsWhere(connection, storage, {
    file,
    where: `${rangeSql(range)} AND ${SEQ} IN (${winners})`,
  })
}

/** Every row of one segment, those of a key together. */
async function* allRows(
  connection: DuckDBConnection,
  storage: Storage,
  range: Range
): AsyncGenerator<FeedRow[]> {
  const order = [...storage.keys.map((k) => quoteName(k.name)), SEQ].join(', ')
  yield* rowsWhere(connection, storage, {
    file: `read_parquet(${quoteText(range.path)})`,
    where: `${rangeSql(range)} ORDER BY ${order}`,
  })
}

const rangeSql = (range: Range): string =>
  [
    `${SEQ} > ${range.afterSeq}`,
    ...(Number.isFinite(range.fromUs) ? [`${EVENT} >= ${range.fromUs}`] : []),
    ...(Number.isFinite(range.toUs) ? [`${EVENT} <= ${range.toUs}`] : []),
  ].join(' AND ')

async function* rowsWhere(
  connection: DuckDBConnection,
  storage: Storage,
  { file, where }: { file: string; where: string }
): AsyncGenerator<FeedRow[]> {
  const keys = storage.keys.map((k) => quoteName(k.name))
  const present = new Set(
    (await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${file}`))
      .getRows()
      .map((row) => String(row[0]))
  )
  const columns = storage.columns.map((c) => (present.has(c.name) ? quoteName(c.name) : 'NULL'))
  const result = await connection.stream(
    `SELECT ${[EVENT, CREATED, SEQ, ...keys, ...columns].join(', ')} FROM ${file} WHERE ${where}`
  )
  for (
    let chunk = await result.fetchChunk();
    chunk !== null && chunk.rowCount > 0;
    chunk = await result.fetchChunk()
  ) {
    yield chunk.getRows().map((row) => {
      const [event, created, seq, ...cells] = row.map(fromDuckDb)
      const values = cells.slice(keys.length)
      return {
        key: encodeKey(cells.slice(0, keys.length) as Exclude<Value, null>[]), // rows without a key are not taken in
        values,
        packed: packRow(values),
        eventUs: Number(event),
        createdUs: created === null ? null : Number(created),
        seq: Number(seq),
      }
    })
  }
}
