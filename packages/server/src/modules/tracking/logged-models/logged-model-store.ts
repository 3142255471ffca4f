import { sql, type Insertable, type RawBuilder, type SqlBool } from 'kysely'
import type { Database } from '../../../platform/database/index.ts'
import { insertMany } from '../mlflow/bulk.ts'
import { compare, compareKeyValue } from '../mlflow/conditions.ts'
import type { Clause } from '../mlflow/filter.ts'
import {
  afterCursor,
  allOf,
  cursorOf,
  orderClause,
  sortColumns,
  type SortTerm,
} from '../mlflow/keyset.ts'
import type { Cursor } from '../mlflow/page-token.ts'
import { fromStored, toStored } from '../runs/metric-value.ts'
import type { KeyValue } from '../runs/run-records.ts'
import type { LoggedModelsTable, TrackingTables } from '../tables.ts'
import {
  toRecord,
  type LoggedModelRecord,
  type LoggedModelRow,
  type ModelMetric,
} from './logged-model-records.ts'

export type ModelOrder = Readonly<{
  kind: 'attribute' | 'metric' | 'parameter' | 'tag'
  key: string
  ascending: boolean
  dataset?: { name: string; digest: string | null } | undefined
}>

export type ModelSearch = Readonly<{
  project: string
  experimentIds: readonly number[]
  clauses: readonly Clause[]
  datasets: readonly { name: string; digest: string | null }[]
  orderBy: readonly ModelOrder[]
  after: Cursor | null
  limit: number
}>

export interface LoggedModelStore {
  insert(
    row: Insertable<LoggedModelsTable>,
    data: { params: readonly KeyValue[]; tags: readonly KeyValue[] }
  ): Promise<void>
  find(project: string, modelId: string): Promise<LoggedModelRow | undefined>
  update(modelId: string, changes: Partial<LoggedModelRow>): Promise<void>
  addParams(modelId: string, params: readonly KeyValue[]): Promise<void>
  /** Values that are there already are kept once. */
  addMetrics(modelId: string, metrics: readonly ModelMetric[]): Promise<void>
  setTags(modelId: string, tags: readonly KeyValue[]): Promise<void>
  deleteTag(modelId: string, key: string): Promise<boolean>
  read(rows: readonly LoggedModelRow[]): Promise<LoggedModelRecord[]>
  search(query: ModelSearch): Promise<{ rows: LoggedModelRow[]; last: Cursor | null }>
}

export function createLoggedModelStore(database: Database): LoggedModelStore {
  const db = database.as<TrackingTables>()
  const { dialect } = database

  const addParams = (tx: typeof db, modelId: string, params: readonly KeyValue[]) =>
    insertMany(
      tx,
      {
        table: 'logged_model_params',
        columns: ['model_id', 'key', 'value', 'position'],
        onConflict: 'on conflict do nothing',
        dialect,
      },
      params.map((p, i) => [modelId, p.key, p.value, i])
    )
  const setTags = (tx: typeof db, modelId: string, tags: readonly KeyValue[]) =>
    insertMany(
      tx,
      {
        table: 'logged_model_tags',
        columns: ['model_id', 'key', 'value'],
        onConflict: 'on conflict (model_id, key) do update set value = excluded.value',
        dialect,
      },
      [...new Map(tags.map((t) => [t.key, t.value]))].map(([key, value]) => [modelId, key, value])
    )

  return {
    insert: (row, { params, tags }) =>
      db.transaction().execute(async (tx) => {
        await tx.insertInto('logged_models').values(row).execute()
        await addParams(tx, row.model_id, params)
        await setTags(tx, row.model_id, tags)
      }),
    find: (project, modelId) =>
      db
        .selectFrom('logged_models')
        .selectAll()
        .where('model_id', '=', modelId)
        .where('project', '=', project)
        .where('lifecycle_stage', '=', 'active')
        .executeTakeFirst(),
    async update(modelId, changes) {
      await db.updateTable('logged_models').set(changes).where('model_id', '=', modelId).execute()
    },
    addParams: (modelId, params) =>
      db.transaction().execute((tx) => addParams(tx, modelId, params)),
    addMetrics: (modelId, metrics) =>
      db.transaction().execute((tx) =>
        insertMany(
          tx,
          {
            table: 'logged_model_metrics',
            columns: [
              'model_id',
              'run_id',
              'key',
              'value',
              'is_nan',
              'step',
              'timestamp',
              'dataset_name',
              'dataset_digest',
            ],
            onConflict: 'on conflict do nothing',
            dialect,
          },
          metrics.map((m) => {
            const { value, isNan } = toStored(m.value)
            return [
              modelId,
              m.runId,
              m.key,
              value,
              isNan,
              m.step,
              m.timestamp,
              m.datasetName,
              m.datasetDigest,
            ]
          })
        )
      ),
    setTags: (modelId, tags) => db.transaction().execute((tx) => setTags(tx, modelId, tags)),
    async deleteTag(modelId, key) {
      const result = await db
        .deleteFrom('logged_model_tags')
        .where('model_id', '=', modelId)
        .where('key', '=', key)
        .executeTakeFirst()
      return result.numDeletedRows > 0n
    },
    async read(rows) {
      const ids = rows.map((row) => row.model_id)
      if (ids.length === 0) return []
      const keyValues = async (table: 'logged_model_params' | 'logged_model_tags') =>
        Map.groupBy(
          await db
            .selectFrom(table)
            .select(['model_id', 'key', 'value'])
            .where('model_id', 'in', ids)
            .orderBy('key')
            .execute(),
          (row) => row.model_id
        )
      const params = await keyValues('logged_model_params')
      const tags = await keyValues('logged_model_tags')
      const metrics = Map.groupBy(
        await db
          .selectFrom('logged_model_metrics')
          .selectAll()
          .where('model_id', 'in', ids)
          .orderBy('timestamp')
          .orderBy('step')
          .execute(),
        (row) => row.model_id
      )
      const plain = ({ key, value }: KeyValue): KeyValue => ({ key, value })
      return rows.map((row) =>
        toRecord(row, {
          params: (params.get(row.model_id) ?? []).map(plain),
          tags: (tags.get(row.model_id) ?? []).map(plain),
          metrics: (metrics.get(row.model_id) ?? []).map((m): ModelMetric => ({
            key: m.key,
            value: fromStored(m),
            timestamp: m.timestamp,
            step: m.step,
            runId: m.run_id,
            datasetName: m.dataset_name,
            datasetDigest: m.dataset_digest,
          })),
        })
      )
    },
    search: (query) => search(database, query),
  }
}

async function search(
  database: Database,
  query: ModelSearch
): Promise<{ rows: LoggedModelRow[]; last: Cursor | null }> {
  if (query.experimentIds.length === 0) return { rows: [], last: null }
  const terms = query.orderBy.flatMap((order) => termsOf(order))
  const all: SortTerm[] = [
    ...terms,
    { expression: sql`m.creation_timestamp_ms`, ascending: false },
    { expression: sql`m.model_id`, ascending: true },
  ]
  const where: RawBuilder<SqlBool>[] = [
    sql`m.project = ${query.project}`,
    sql`m.lifecycle_stage = 'active'`,
    sql`m.experiment_id in (${sql.join(query.experimentIds)})`,
    ...query.clauses.map((clause) => condition(clause, query, database)),
    ...(query.after === null ? [] : [afterCursor(all, query.after)]),
  ]
  const { rows } = await sql<LoggedModelRow & Record<string, unknown>>`
    select m.*, ${sortColumns(all)} from logged_models m
    where ${allOf(where)} order by ${orderClause(all)} limit ${query.limit + 1}`.execute(
    database.as<TrackingTables>()
  )
  const page = rows.slice(0, query.limit)
  const last = page.at(-1)
  return {
    rows: page,
    last: rows.length > query.limit && last !== undefined ? cursorOf(last, all) : null,
  }
}

const LINK = sql<SqlBool>`kv.model_id = m.model_id`

function condition(clause: Clause, query: ModelSearch, database: Database): RawBuilder<SqlBool> {
  switch (clause.entity) {
    case 'metric': {
      const datasets = query.datasets.map(
        (d) =>
          sql<SqlBool>`(kv.dataset_name = ${d.name}${d.digest === null ? sql`` : sql` and kv.dataset_digest = ${d.digest}`})`
      )
      const link =
        datasets.length === 0 ? LINK : sql<SqlBool>`${LINK} and (${sql.join(datasets, sql` or `)})`
      return compareKeyValue(
        { name: 'logged_model_metrics', link, isNumeric: true },
        clause,
        database.dialect
      )
    }
    case 'parameter':
      return compareKeyValue({ name: 'logged_model_params', link: LINK }, clause, database.dialect)
    case 'tag':
      return compareKeyValue({ name: 'logged_model_tags', link: LINK }, clause, database.dialect)
    case 'attribute':
    case 'dataset':
      return compare(sql.ref(`m.${clause.key}`), statusClause(clause), database.dialect)
  }
}

/** A status is asked for by its short name, and stored by its wire name. */
function statusClause(clause: Clause): Clause {
  if (clause.key !== 'status') return clause
  const long = (value: string) =>
    value.startsWith('LOGGED_MODEL_') || value.includes('%') ? value : `LOGGED_MODEL_${value}`
  if (clause.type === 'string') return { ...clause, value: long(clause.value) }
  return clause.type === 'list' ? { ...clause, values: clause.values.map(long) } : clause
}

function termsOf(order: ModelOrder): SortTerm[] {
  if (order.kind === 'attribute')
    return [
      {
        expression: sql`coalesce(${sql.ref(`m.${order.key}`)}, ${order.key.endsWith('_ms') ? sql`0` : sql`''`})`,
        ascending: order.ascending,
      },
    ]
  const value = newest(order)
  const missing = order.kind === 'metric' ? sql`0` : sql`''`
  return [
    { expression: sql`case when ${value} is null then 1 else 0 end`, ascending: true },
    { expression: sql`coalesce(${value}, ${missing})`, ascending: order.ascending },
  ]
}

/** The value of a key of the outer model: of a metric, its latest, on a dataset when one is named. */
function newest({ kind, key, dataset }: ModelOrder): RawBuilder<unknown> {
  if (kind === 'parameter')
    return sql`(select kv.value from logged_model_params kv where ${LINK} and kv.key = ${key})`
  if (kind === 'tag')
    return sql`(select kv.value from logged_model_tags kv where ${LINK} and kv.key = ${key})`
  const name = dataset === undefined ? sql`` : sql` and kv.dataset_name = ${dataset.name}`
  const digest =
    dataset === undefined || dataset.digest === null
      ? sql``
      : sql` and kv.dataset_digest = ${dataset.digest}`
  return sql`(select kv.value from logged_model_metrics kv where ${LINK} and kv.key = ${key} and kv.is_nan = 0${name}${digest}
    order by kv.timestamp desc, kv.step desc limit 1)`
}
