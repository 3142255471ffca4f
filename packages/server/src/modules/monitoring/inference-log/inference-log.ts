import { randomBytes, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bucketOf } from '../../../kernel/bucket.ts'
import type { Clock } from '../../../kernel/clock.ts'
import { HOUR_MS, hourOf } from '../../../kernel/hour.ts'
import { createTopic, type Topic } from '../../../platform/events/topic.ts'
import type { Logger } from '../../../platform/telemetry/logger.ts'
import type { InferenceCompleted } from '../../serving/index.ts'
import { convertRows, mergeHour } from './convert.ts'
import type { DuckDb } from '../../../platform/duckdb/index.ts'
import { createParquetFiles, type ParquetFile } from './parquet-files.ts'
import { matches, toRows, type PredictionFilter, type PredictionRow } from './prediction-row.ts'
import { toRecord, type LogSettings } from './privacy.ts'
import {
  comparePositions,
  copyParquet,
  countParquet,
  queryParquet,
  type RowQuery,
} from './query.ts'
import type { LogRecord, LoggedInference } from './record.ts'
import type { Segment } from './segment.ts'
import { createSegmentThread } from './segment-thread.ts'
import { createWriteAheadLog, DEFAULT_LIMITS, type WriteAheadLimits } from './write-ahead-log.ts'

/** Every prediction, kept. Owns the files below its folder. */
export interface InferenceLog {
  /** Tells of an event once it is on disk (or was dropped because the disk could not keep up), in log order. */
  readonly logged: Topic<LoggedInference>
  /** Which log this is: another folder, another id. A reader's cursor is worth nothing in another log. */
  id(): string
  open(): Promise<void>
  /** Takes an event into memory; never waits. */
  append(event: InferenceCompleted): void
  flush(): Promise<void>
  /** Events with a sequence above `after`, oldest first, as far as the segments still hold them. */
  replay(after: number): AsyncGenerator<LoggedInference>
  /** Keeps raw segments with events above the cursor of `reader`. */
  holdBack(reader: string, cursor: () => number): void
  rows(query: RowQuery): Promise<PredictionRow[]>
  count(filter: PredictionFilter): Promise<number>
  /** Writes the rows of an endpoint into a Parquet file. False when there are none; then there is no file. */
  exportTo(path: string, filter: PredictionFilter & { endpoint: string }): Promise<boolean>
  /** Seals, converts, merges, removes what is past its time. `force` seals a young segment too. */
  maintain(options: { force: boolean }): Promise<void>
  state(): { pending: number; dropped: number; lastCommitted: number; unconverted: number }
  close(): Promise<void>
}

export function createInferenceLog(deps: {
  directory: string
  clock: Clock
  log: Logger
  duckdb: DuckDb
  settingsOf: (project: string, endpoint: string) => LogSettings
  retentionDaysOf: (project: string, endpoint: string) => number
  limits?: Partial<WriteAheadLimits>
}): InferenceLog {
  const { clock, log, duckdb } = deps
  const logged = createTopic<LoggedInference>('inference.logged', (error) =>
    log.error({ err: error }, 'a reader of the inference log failed')
  )
  const files = createParquetFiles(join(deps.directory, 'parquet'))
  const scratch = join(deps.directory, 'scratch')
  const thread = createSegmentThread()
  const holds = new Map<string, () => number>()
  // The event as it came, for readers in this process: masking and sampling are for the disk.
  const originals = new WeakMap<LogRecord, InferenceCompleted>()
  let converted = 0
  let identity = ''
  let maskKey = ''
  let isBadDiskTold = false

  const wal = createWriteAheadLog({
    directory: join(deps.directory, 'wal'),
    clock,
    limits: { ...DEFAULT_LIMITS, ...deps.limits },
    onCommitted: (batch) => {
      isBadDiskTold = false
      for (const { sequence, record } of batch)
        logged.publish({ sequence, event: originals.get(record) ?? record.event })
    },
    onDropped: (record) =>
      logged.publish({ sequence: null, event: originals.get(record) ?? record.event }),
    onError: (error) => {
      if (!isBadDiskTold) log.error({ err: error }, 'the inference log cannot be written')
      isBadDiskTold = true
    },
  })

  // One at a time: a merge removes files that an export reads.
  let turn: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const next = turn.then(work, work)
    turn = next.catch(() => undefined)
    return next
  }

  const lastOf = (segment: Segment): number => wal.endOf(segment) - 1
  const unconverted = (): Segment[] => wal.segments().filter((s) => s.first > converted)

  async function convertSealed(): Promise<void> {
    try {
      for (const segment of wal.sealed()) {
        if (segment.first <= converted) continue
        const last = lastOf(segment)
        const rows = await thread.sort({ segment: { ...segment, before: last + 1 }, scratch })
        await convertRows({ duckdb, files }, { first: segment.first, last }, rows)
        converted = last
      }
    } finally {
      await thread.end()
    }
    const needed = Math.min(Infinity, ...[...holds.values()].map((cursor) => cursor()))
    for (const segment of wal.sealed())
      if (lastOf(segment) <= Math.min(converted, needed)) await wal.remove(segment)
  }

  async function mergeAndExpire(): Promise<void> {
    const thisHour = hourOf(clock.now())
    const hours = Map.groupBy(
      await files.list({}),
      (file) => `${file.project}/${file.endpoint}/${file.hour}`
    )
    for (const group of hours.values()) {
      const [head] = group
      if (head === undefined) continue
      const keepMs = deps.retentionDaysOf(head.project, head.endpoint) * 86_400_000
      if (head.hour + HOUR_MS <= clock.now() - keepMs) await files.removeHour(head)
      // An hour rests for a while first, so that a late segment does not make a merge for nothing.
      else if (head.hour < thisHour - HOUR_MS && group.length > 1)
        await mergeHour({ duckdb, files }, group)
    }
  }

  /** What the raw tail holds, and the Parquet files that do not hold the same. The tail first: a conversion in between then shows twice at worst, and `first` tells. */
  async function snapshot(
    filter: PredictionFilter
  ): Promise<{ tail: PredictionRow[]; parquet: ParquetFile[] }> {
    const segments = unconverted()
    const tailFirst = segments[0]?.first ?? Infinity
    const tail: PredictionRow[] = []
    for (const segment of segments) {
      for await (const { record } of wal.read(segment)) {
        if (!record.isSampled || record.event.project !== filter.project) continue
        for (const row of toRows(record.event)) if (matches(row, filter)) tail.push(row)
      }
    }
    const parquet = (await files.list(filter)).filter((file) => file.first < tailFirst)
    return { tail, parquet }
  }

  return {
    logged,
    id: () => identity,
    async open() {
      await mkdir(deps.directory, { recursive: true })
      await rm(scratch, { recursive: true, force: true })
      const secrets = await readOrMakeIdentity(join(deps.directory, 'identity.json'))
      identity = secrets.id
      maskKey = secrets.maskKey
      await wal.open()
    },
    append(event) {
      const record = toRecord(event, deps.settingsOf(event.project, event.endpoint), maskKey)
      if (record.event !== event) originals.set(record, event)
      wal.append(record)
    },
    flush: () => wal.flush(),
    async *replay(after) {
      for (const segment of wal.segments()) {
        if (wal.endOf(segment) <= after + 1) continue
        for await (const { sequence, record } of wal.read(segment))
          if (sequence > after) yield { sequence, event: record.event }
      }
    },
    holdBack: (reader, cursor) => void holds.set(reader, cursor),
    async rows(query) {
      const { tail, parquet } = await snapshot(query.filter)
      const sign = query.order === 'newest' ? -1 : 1
      const { after, thin = 1 } = query
      const wanted = tail.filter(
        (row) =>
          (after === null || comparePositions(row, after) * sign > 0) &&
          (thin <= 1 || bucketOf('thin', row.predictionId) % thin === 0)
      )
      const found = [...wanted, ...(await queryParquet(duckdb, parquet, query))]
      return found.toSorted((a, b) => comparePositions(a, b) * sign).slice(0, query.limit)
    },
    async count(filter) {
      const { tail, parquet } = await snapshot(filter)
      return tail.length + (await countParquet(duckdb, parquet, filter))
    },
    maintain: ({ force }) =>
      inTurn(async () => {
        await wal.seal(force)
        await convertSealed()
        await mergeAndExpire()
      }),
    exportTo: (path, filter) =>
      inTurn(async () => {
        await wal.flush()
        await wal.seal(true)
        await convertSealed()
        return copyParquet(duckdb, await files.list(filter), { filter, path })
      }),
    state: () => ({
      ...wal.state(),
      unconverted: unconverted().length,
    }),
    async close() {
      await thread.end()
      await wal.close()
    },
  }
}

async function readOrMakeIdentity(path: string): Promise<{ id: string; maskKey: string }> {
  const known = await readFile(path, 'utf8').catch(() => null)
  if (known !== null) return JSON.parse(known) as { id: string; maskKey: string } // written below
  const made = { id: randomUUID(), maskKey: randomBytes(32).toString('hex') }
  await writeFile(`${path}.part`, JSON.stringify(made), { mode: 0o600 })
  await rename(`${path}.part`, path)
  return made
}
