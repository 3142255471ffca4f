import { createWriteStream } from 'node:fs'
import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { DuckDBConnection } from '@duckdb/node-api'
import { AppError, invariant, messageOf } from '../../kernel/errors.ts'
import type { Clock } from '../../kernel/clock.ts'
import { arrowBytes } from '../../platform/arrow/index.ts'
import { quoteName, quoteText } from '../../platform/database/index.ts'
import type { DuckDb } from '../../platform/duckdb/index.ts'
import { fail } from '../../platform/errors.ts'
import type { Scorer } from '../serving/index.ts'
import { ColumnBuffers, SQL_TYPE, type Values } from './column-buffers.ts'
import { entityRows, pickFeatures, type TableFeatures } from './feature-columns.ts'
import { columnsOf, ROW, shardSql } from './input.ts'
import type { Job, Shard } from './job.ts'
import { createPredictionsTable, type PredictionsTable } from './predictions-table.ts'
import { collectBuffers } from './collect-buffers.ts'
import { scoreRows } from './score-rows.ts'

export type ShardOutputs = Readonly<{
  file: string
  rows: number
  /** Rows that failed, with their reasons; null when none did. */
  deadLetter: string | null
  rowsFailed: number
}>

/** Rows whose buffers may lie about. */
const COLLECT_ROWS = 100_000

export type ShardProgress = { rowsRead: number; rowsFailed: number }

/**
 * Scores one shard into files of this attempt alone: the rows in their order, and those that failed beside them. Reads, scores and keeps one batch
 * at a time, so that memory does not grow with the shard. Stops between batches when the signal aborts.
 */
export async function runShard(
  deps: { duckdb: DuckDb; scorer: Scorer; features: TableFeatures; clock: Clock },
  task: { job: Job; shard: Shard; folder: string },
  watch: { progress: ShardProgress; signal: AbortSignal }
): Promise<ShardOutputs> {
  const { duckdb, scorer } = deps
  const { job, shard } = task
  const { spec } = job
  const plan = await duckdb.use((connection) =>
    planColumns(connection, { job, scorer, path: shard.source.path })
  )
  const rows = await shardSql(shard.source)
  return duckdb.use(async (writer) => {
    let table: PredictionsTable | null = null
    await duckdb.use(async (reader) => {
      const faults = plan.fault === null ? [] : [plan.fault]
      const result = await reader.stream(
        `SELECT ${[...faults, ...plan.reads.map((r) => r.sql)].join(', ')} FROM ${rows}`
      )
      const buffers = new ColumnBuffers(
        [...faults.map(() => null), ...plan.reads.map((r) => r.type)],
        Math.min(spec.batchRows, shard.rows)
      )
      let next = shard.source.from
      let sinceCollected = 0
      // Rows before the first that succeeds: only then are the outputs known.
      const failedFirst: { firstRow: number; rows: number; errors: Map<number, string> }[] = []
      const flush = async (): Promise<void> => {
        watch.signal.throwIfAborted()
        const count = buffers.rows
        if (count === 0) return
        const columns = new Map(
          plan.reads.map((read, i): [string, Values] => [
            read.name,
            buffers.column(i + faults.length),
          ])
        )
        const given = await withFeatures({ ...deps, job, plan }, { rows: count, columns })
        const scored = await scoreRows(
          (part) => scorer.score(part, { requestId: job.id, isLogged: spec.isLogged }),
          { rows: count, columns: given }
        )
        const errors = new Map(scored.errors)
        for (let row = 0; faults.length > 0 && row < count; row++) {
          const fault = buffers.column(0)[row]
          if (typeof fault === 'string') errors.set(row, fault)
        }
        watch.progress.rowsRead += count
        watch.progress.rowsFailed += errors.size
        if (watch.progress.rowsFailed > spec.maxFailedRows)
          throw tooMany(spec.maxFailedRows, [...errors.values()][0] ?? '')
        if (table === null && scored.outputs !== null) {
          const names = scored.outputs.map(({ name }) =>
            plan.passed.includes(name) ? `prediction_${name}` : name
          )
          table = await createPredictionsTable(writer, scored.outputs, names)
          for (const late of failedFirst) await table.append({ ...late, outputs: [] })
        }
        const part = { firstRow: next, rows: count, errors }
        if (table === null) failedFirst.push(part)
        else await table.append({ ...part, outputs: scored.outputs ?? [] })
        next += count
        buffers.clear()
        sinceCollected += count
        if (sinceCollected >= COLLECT_ROWS) {
          collectBuffers()
          sinceCollected = 0
        }
      }
      for (
        let chunk = await result.fetchChunk();
        chunk !== null;
        chunk = await result.fetchChunk()
      ) {
        if (chunk.rowCount === 0) break
        for (let from = 0; from < chunk.rowCount;) {
          from += buffers.take(chunk, from)
          if (buffers.rows === buffers.capacity) await flush()
        }
      }
      await flush()
      invariant(
        next === shard.source.from + shard.rows,
        `shard ${shard.shard} of ${job.id} gave ${next - shard.source.from} rows of ${shard.rows}`
      )
      table ??= await createPredictionsTable(writer, [], [])
      for (const late of table.names.length === 0 ? failedFirst : [])
        await table.append({ ...late, outputs: [] })
      table.close()
    })
    return write(writer, { ...task, table, plan, rows, rowsFailed: watch.progress.rowsFailed })
  })
}

const tooMany = (limit: number, reason: string) =>
  fail('batch.too_many_failed_rows', `More than ${limit} rows failed; the last: ${reason}`)

type ColumnPlan = Readonly<{
  /** What is read of each row: its name for the model or for features, and how. */
  reads: readonly Readonly<{ name: string; sql: string; type: string | null }>[]
  /** SQL that says why a row can't be read as the model's types; null when all can. */
  fault: string | null
  /** Columns of the input that are written out. */
  passed: readonly string[]
  /** Names that features give. */
  missing: readonly string[]
  service: string | null
  entities: readonly string[]
  eventTime: string | null
}>

/** Which columns feed the model. Throws `request.invalid` naming a column that neither the input nor a feature service has. */
export async function planColumns(
  connection: DuckDBConnection,
  { job, scorer, path }: { job: Job; scorer: Scorer; path: string }
): Promise<ColumnPlan> {
  const { spec } = job
  const found = await columnsOf(connection, path)
  const service = spec.features?.service ?? scorer.featureService
  const eventTime = spec.features?.eventTime ?? null
  const sourceOf = (name: string): string => spec.columns[name] ?? name
  const missing = scorer.columns
    .map(({ name }) => name)
    .filter((name) => !found.has(sourceOf(name)))
  if (missing.length > 0 && service === null)
    throw fail(
      'request.invalid',
      `The input has no column "${sourceOf(missing[0] ?? '')}", which ${scorer.model.name}/${scorer.model.version} needs; it has ${[...found.keys()].slice(0, 50).join(', ')}`,
      { details: { column: sourceOf(missing[0] ?? '') } }
    )
  const own = scorer.columns.filter(({ name }) => !missing.includes(name))
  const entities = missing.length === 0 ? [] : scorer.entities.map(({ key }) => key)
  const needed = [...entities, ...(eventTime === null || missing.length === 0 ? [] : [eventTime])]
  const passed = spec.passThrough ?? [...found.keys()]
  for (const column of [...needed.map(sourceOf), ...passed])
    if (!found.has(column))
      throw fail('request.invalid', `The input has no column "${column}"`, { details: { column } })
  const faults = own.flatMap(({ name, datatype }) =>
    found.get(sourceOf(name)) === 'VARCHAR' && datatype !== 'BYTES'
      ? [
          `CASE WHEN ${quoteName(sourceOf(name))} IS NOT NULL AND TRY_CAST(${quoteName(sourceOf(name))} AS ${SQL_TYPE[datatype]}) IS NULL THEN ${quoteText(`column "${sourceOf(name)}" must be ${datatype}, not `)} || ${quoteName(sourceOf(name))} END`,
        ]
      : []
  )
  return {
    reads: [
      ...own.map(({ name, datatype }) => ({
        name,
        sql: `TRY_CAST(${quoteName(sourceOf(name))} AS ${SQL_TYPE[datatype]})`,
        type: SQL_TYPE[datatype],
      })),
      ...needed
        .filter((name) => !own.some((column) => column.name === name))
        .map((name) => ({
          name,
          sql:
            name === eventTime
              ? `epoch_ms(CAST(${quoteName(sourceOf(name))} AS TIMESTAMP))`
              : quoteName(sourceOf(name)),
          type: null,
        })),
    ],
    fault: faults.length === 0 ? null : `COALESCE(${faults.join(', ')})`,
    passed,
    missing,
    service,
    entities,
    eventTime,
  }
}

async function withFeatures(
  context: { features: TableFeatures; clock: Clock; job: Job; plan: ColumnPlan },
  table: { rows: number; columns: ReadonlyMap<string, Values> }
): Promise<ReadonlyMap<string, Values>> {
  const { plan, job, features, clock } = context
  if (plan.missing.length === 0 || plan.service === null) return table.columns
  const keys = new Map(plan.entities.map((key) => [key, table.columns.get(key) ?? []]))
  const { project } = job
  const rows = entityRows(keys, table.rows)
  const times = plan.eventTime === null ? null : (table.columns.get(plan.eventTime) ?? [])
  const found =
    times === null
      ? await features.online({ project, service: plan.service, rows, at: clock.now() })
      : await features.historical({
          project,
          service: plan.service,
          rows: rows.map((row, i) => ({ ...row, event_timestamp: Number(times[i]) })),
        })
  const filled = pickFeatures(found, plan.missing)
  const lacking = plan.missing.find((name) => !filled.has(name))
  if (lacking !== undefined)
    throw fail(
      'batch.input_failed',
      `Neither the input nor the feature service "${plan.service}" has "${lacking}"`,
      { details: { column: lacking } }
    )
  return new Map([...table.columns, ...filled])
}

async function write(
  connection: DuckDBConnection,
  made: {
    job: Job
    shard: Shard
    folder: string
    table: PredictionsTable | null
    plan: ColumnPlan
    rows: string
    rowsFailed: number
  }
): Promise<ShardOutputs> {
  const { job, shard, rowsFailed, plan } = made
  const { output } = job.spec
  const folder = join(made.folder, `shard=${shard.shard}`)
  await mkdir(folder, { recursive: true })
  const file = join(folder, `attempt=${shard.attempt}.${output.format}`)
  const deadLetter = join(folder, `attempt=${shard.attempt}.failed.${output.format}`)
  const copy = async (select: string, path: string): Promise<void> => {
    try {
      await writeRows(connection, select, { path, output })
      await onDisk(path)
    } catch (error) {
      await rm(path, { force: true })
      throw error instanceof AppError
        ? error
        : fail(
            'batch.output_failed',
            `${path} can't be written: ${messageOf(error).split('\n')[0] ?? ''}`,
            {
              details: { path },
              cause: error,
            }
          )
    }
  }
  const names = made.table?.names ?? []
  const passed = plan.passed.map((column) => `i.${quoteName(column)}`)
  const predicted = names.map((name) => `p.${quoteName(name)}`)
  const inStep = `(i.${ROW} = p.rowid + ${shard.source.from} OR error('rows are out of step'))`
  const hasPassed =
    rowsFailed === 0 ? inStep : `${inStep} AND i.${ROW} NOT IN (SELECT _row FROM failures)`
  await copy(
    names.length === 0
      ? `SELECT ${passed.join(', ') || `i.${ROW}`} FROM ${made.rows} i LIMIT 0`
      : `SELECT ${[...passed, ...predicted].join(', ')} FROM ${made.rows} i POSITIONAL JOIN predictions p WHERE ${hasPassed}`,
    file
  )
  if (rowsFailed > 0)
    await copy(
      `SELECT i.* EXCLUDE (${ROW}), f._row AS input_row, f._error AS error FROM ${made.rows} i JOIN failures f ON i.${ROW} = f._row ORDER BY f._row`,
      deadLetter
    )
  return {
    file,
    rows: shard.rows - rowsFailed,
    deadLetter: rowsFailed > 0 ? deadLetter : null,
    rowsFailed,
  }
}

async function writeRows(
  connection: DuckDBConnection,
  select: string,
  { path, output }: { path: string; output: Job['spec']['output'] }
): Promise<void> {
  const { format, rowGroupRows } = output
  if (format === 'arrow') {
    await pipeline(Readable.from(arrowBytes(connection, select, 'file')), createWriteStream(path))
    return
  }
  const options = {
    // Dictionaries of numbers that hardly repeat, and Bloom filters over them, take more than half of the time to write.
    parquet: `FORMAT parquet, ROW_GROUP_SIZE ${rowGroupRows}, DICTIONARY_SIZE_LIMIT 4096, WRITE_BLOOM_FILTER false`,
    csv: 'FORMAT csv, HEADER',
    ndjson: 'FORMAT json',
  }[format]
  await connection.run(`COPY (${select}) TO ${quoteText(path)} (${options})`)
}

/** What is committed must outlive a crash of the machine. */
async function onDisk(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
