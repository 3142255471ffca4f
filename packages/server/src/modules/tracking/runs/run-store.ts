import type { Insertable, Kysely } from 'kysely'
import type { Database } from '../../../platform/database/index.ts'
import { insertMany } from '../mlflow/bulk.ts'
import { invalidParameter } from '../mlflow/mlflow-error.ts'
import type { RunsTable, TrackingTables } from '../tables.ts'
import { createGroupCommit } from './group-commit.ts'
import { latestOf } from './latest.ts'
import { toStored } from './metric-value.ts'
import type { KeyValue, LoggedMetric, RunRow } from './run-records.ts'

export type Batch = Readonly<{
  metrics: readonly LoggedMetric[]
  params: readonly KeyValue[]
  tags: readonly KeyValue[]
}>

export interface RunStore {
  insert(row: Insertable<RunsTable>, tags: readonly KeyValue[]): Promise<void>
  find(project: string, runId: string): Promise<RunRow | undefined>
  update(run: RunRow, changes: Partial<RunRow>, tags?: readonly KeyValue[]): Promise<void>
  /** Writes a batch, all or nothing. Throws INVALID_PARAMETER_VALUE when a param is there with another value. */
  log(run: RunRow, batch: Batch): Promise<void>
  deleteTag(run: RunRow, key: string): Promise<boolean>
}

export function createRunStore(database: Database): RunStore {
  const db = database.as<TrackingTables>()
  const { dialect } = database
  const inTransaction = createGroupCommit(db, dialect)

  const putTags = async (tx: Kysely<TrackingTables>, runKey: number, tags: readonly KeyValue[]) =>
    insertMany(
      tx,
      {
        table: 'run_tags',
        columns: ['run_key', 'key', 'value'],
        onConflict: 'on conflict (run_key, key) do update set value = excluded.value',
        dialect,
      },
      // The last of equal keys counts; PostgreSQL refuses to touch a row twice in one statement.
      [...new Map(tags.map((tag) => [tag.key, tag.value]))].map(([key, value]) => [
        runKey,
        key,
        value,
      ])
    )

  const putMetrics = async (
    tx: Kysely<TrackingTables>,
    runKey: number,
    metrics: readonly LoggedMetric[]
  ) => {
    const columns = ['run_key', 'key', 'timestamp', 'step', 'value', 'is_nan']
    const row = (
      m: LoggedMetric | Omit<LoggedMetric, 'modelId' | 'datasetName' | 'datasetDigest'>
    ) => {
      const { value, isNan } = toStored(m.value)
      return [runKey, m.key, m.timestamp, m.step, value, isNan]
    }
    const target = { table: 'metrics', columns, onConflict: 'on conflict do nothing', dialect }
    await insertMany(tx, target, metrics.map(row))
    await insertMany(
      tx,
      { table: 'latest_metrics', columns, onConflict: KEEP_LATER, dialect },
      latestOf(metrics).map(row)
    )
  }

  const putModelMetrics = async (
    tx: Kysely<TrackingTables>,
    run: RunRow,
    metrics: readonly LoggedMetric[]
  ) => {
    const rows = metrics.flatMap((m) => {
      if (m.modelId === null) return []
      const { value, isNan } = toStored(m.value)
      return [
        [
          m.modelId,
          run.run_id,
          m.key,
          value,
          isNan,
          m.step,
          m.timestamp,
          m.datasetName,
          m.datasetDigest,
        ],
      ]
    })
    const columns = [
      'model_id',
      'run_id',
      'key',
      'value',
      'is_nan',
      'step',
      'timestamp',
      'dataset_name',
      'dataset_digest',
    ]
    const target = {
      table: 'logged_model_metrics',
      columns,
      onConflict: 'on conflict do nothing',
      dialect,
    }
    await insertMany(tx, target, rows)
  }

  return {
    insert: (row, tags) =>
      inTransaction(async (tx) => {
        const { run_key } = await tx
          .insertInto('runs')
          .values(row)
          .returning('run_key')
          .executeTakeFirstOrThrow()
        await putTags(tx, run_key, tags)
      }),
    find: (project, runId) =>
      db
        .selectFrom('runs')
        .selectAll()
        .where('run_id', '=', runId)
        .where('project', '=', project)
        .executeTakeFirst(),
    update: (run, changes, tags = []) =>
      inTransaction(async (tx) => {
        if (Object.keys(changes).length > 0)
          await tx.updateTable('runs').set(changes).where('run_key', '=', run.run_key).execute()
        await putTags(tx, run.run_key, tags)
      }),
    log: (run, batch) =>
      inTransaction(async (tx) => {
        if (batch.params.length > 0) await putParams(tx, run, { params: batch.params, dialect })
        if (batch.metrics.length > 0) {
          await putMetrics(tx, run.run_key, batch.metrics)
          await putModelMetrics(tx, run, batch.metrics)
        }
        await putTags(tx, run.run_key, batch.tags)
      }),
    async deleteTag(run, key) {
      const result = await db
        .deleteFrom('run_tags')
        .where('run_key', '=', run.run_key)
        .where('key', '=', key)
        .executeTakeFirst()
      return result.numDeletedRows > 0n
    },
  }
}

const KEEP_LATER = `on conflict (run_key, key) do update set
  timestamp = excluded.timestamp, step = excluded.step, value = excluded.value, is_nan = excluded.is_nan
  where (excluded.step, excluded.timestamp, excluded.value) > (latest_metrics.step, latest_metrics.timestamp, latest_metrics.value)`

/** Inserts what is new, then looks at what is there: two writers at once can't both win. */
async function putParams(
  tx: Kysely<TrackingTables>,
  run: RunRow,
  given: { params: readonly KeyValue[]; dialect: 'sqlite' | 'postgres' }
): Promise<void> {
  const target = {
    table: 'params',
    columns: ['run_key', 'key', 'value'],
    onConflict: 'on conflict do nothing',
    dialect: given.dialect,
  }
  await insertMany(
    tx,
    target,
    given.params.map((p) => [run.run_key, p.key, p.value])
  )
  const stored = await tx
    .selectFrom('params')
    .select(['key', 'value'])
    .where('run_key', '=', run.run_key)
    .where(
      'key',
      'in',
      given.params.map((p) => p.key)
    )
    .execute()
  const values = new Map(stored.map((row) => [row.key, row.value]))
  for (const { key, value } of given.params) {
    const known = values.get(key)
    if (known !== undefined && known !== value)
      throw invalidParameter(
        `Changing param values is not allowed. Param with key='${key}' was already logged with value='${known}' for run ID='${run.run_id}'. Attempted logging new value '${value}'.`
      )
  }
}
