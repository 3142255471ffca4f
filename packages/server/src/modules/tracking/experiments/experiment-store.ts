import {
  sql,
  type Insertable,
  type Kysely,
  type RawBuilder,
  type Selectable,
  type SqlBool,
} from 'kysely'
import type { Database } from '../../../platform/database/index.ts'
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
import type { OrderBy } from '../mlflow/order-by.ts'
import type { Cursor } from '../mlflow/page-token.ts'
import type { ExperimentsTable, TrackingTables } from '../tables.ts'

export type ExperimentRow = Selectable<ExperimentsTable>
export type TagRow = Readonly<{ key: string; value: string }>
export type Stages = readonly ('active' | 'deleted')[]

export type ExperimentSearch = Readonly<{
  project: string
  stages: Stages
  clauses: readonly Clause[]
  orderBy: readonly OrderBy[]
  after: Cursor | null
  limit: number
}>

export interface ExperimentStore {
  /** Takes the next free experiment id of a project: 1, 2, … Id 0 is the project's `Default`. */
  nextId(project: string): Promise<number>
  /** Keeps `nextId` above an id that was given from elsewhere. */
  reserveId(project: string, id: number): Promise<void>
  /** False when the name or id is taken. */
  insert(row: Insertable<ExperimentsTable>, tags?: readonly TagRow[]): Promise<boolean>
  find(project: string, id: number): Promise<ExperimentRow | undefined>
  findByName(project: string, name: string): Promise<ExperimentRow | undefined>
  update(row: ExperimentRow, changes: Partial<ExperimentRow>): Promise<boolean>
  setTag(row: ExperimentRow, tag: TagRow): Promise<void>
  deleteTag(row: ExperimentRow, key: string): Promise<boolean>
  tagsOf(project: string, ids: readonly number[]): Promise<Map<number, TagRow[]>>
  search(query: ExperimentSearch): Promise<{ rows: ExperimentRow[]; last: Cursor | null }>
}

export function createExperimentStore(database: Database): ExperimentStore {
  const db = database.as<TrackingTables>()
  return {
    async nextId(project) {
      const { value } = await db
        .insertInto('tracking_counters')
        .values({ project, name: 'experiment', value: 1 })
        .onConflict((c) =>
          c.columns(['project', 'name']).doUpdateSet({ value: sql`tracking_counters.value + 1` })
        )
        .returning('value')
        .executeTakeFirstOrThrow()
      return value
    },
    async reserveId(project, id) {
      await db
        .insertInto('tracking_counters')
        .values({ project, name: 'experiment', value: id })
        .onConflict((c) =>
          c
            .columns(['project', 'name'])
            .doUpdateSet({ value: id })
            .where('tracking_counters.value', '<', id)
        )
        .execute()
    },
    insert: (row, tags = []) =>
      db.transaction().execute(async (tx) => {
        const inserted = await tx
          .insertInto('experiments')
          .values(row)
          .onConflict((c) => c.doNothing())
          .executeTakeFirst()
        if (inserted.numInsertedOrUpdatedRows !== 1n) return false
        for (const tag of tags) await putTag(tx, row, tag)
        return true
      }),
    find: (project, id) =>
      db
        .selectFrom('experiments')
        .selectAll()
        .where('project', '=', project)
        .where('experiment_id', '=', id)
        .executeTakeFirst(),
    findByName: (project, name) =>
      db
        .selectFrom('experiments')
        .selectAll()
        .where('project', '=', project)
        .where('name', '=', name)
        .executeTakeFirst(),
    update: (row, changes) =>
      db.transaction().execute(async (tx) => {
        if (changes.name !== undefined && changes.name !== row.name) {
          const taken = await tx
            .selectFrom('experiments')
            .select('experiment_id')
            .where('project', '=', row.project)
            .where('name', '=', changes.name)
            .executeTakeFirst()
          if (taken !== undefined) return false
        }
        await tx
          .updateTable('experiments')
          .set(changes)
          .where('project', '=', row.project)
          .where('experiment_id', '=', row.experiment_id)
          .execute()
        // As in MLflow, a deleted experiment takes its runs along, and brings them back.
        if (changes.lifecycle_stage !== undefined)
          await tx
            .updateTable('runs')
            .set({
              lifecycle_stage: changes.lifecycle_stage,
              deleted_at: changes.lifecycle_stage === 'deleted' ? changes.last_update_time : null,
            })
            .where('project', '=', row.project)
            .where('experiment_id', '=', row.experiment_id)
            .execute()
        return true
      }),
    setTag: (row, tag) => putTag(db, row, tag),
    async deleteTag(row, key) {
      const result = await db
        .deleteFrom('experiment_tags')
        .where('project', '=', row.project)
        .where('experiment_id', '=', row.experiment_id)
        .where('key', '=', key)
        .executeTakeFirst()
      return result.numDeletedRows > 0n
    },
    async tagsOf(project, ids) {
      const byId = new Map<number, TagRow[]>()
      for (let at = 0; at < ids.length; at += 1_000) {
        const rows = await db
          .selectFrom('experiment_tags')
          .select(['experiment_id', 'key', 'value'])
          .where('project', '=', project)
          .where('experiment_id', 'in', ids.slice(at, at + 1_000))
          .orderBy('key')
          .execute()
        for (const { experiment_id, key, value } of rows)
          byId.set(experiment_id, [...(byId.get(experiment_id) ?? []), { key, value }])
      }
      return byId
    },
    search: (query) => search(database, query),
  }
}

async function putTag(
  db: Kysely<TrackingTables>,
  row: { project: string; experiment_id: number },
  tag: TagRow
): Promise<void> {
  await db
    .insertInto('experiment_tags')
    .values({
      project: row.project,
      experiment_id: row.experiment_id,
      key: tag.key,
      value: tag.value,
    })
    .onConflict((c) =>
      c.columns(['project', 'experiment_id', 'key']).doUpdateSet({ value: tag.value })
    )
    .execute()
}

async function search(
  database: Database,
  query: ExperimentSearch
): Promise<{ rows: ExperimentRow[]; last: Cursor | null }> {
  const link = sql<SqlBool>`kv.project = experiments.project and kv.experiment_id = experiments.experiment_id`
  const conditions = query.clauses.map((clause) =>
    clause.entity === 'tag'
      ? compareKeyValue({ name: 'experiment_tags', link }, clause, database.dialect)
      : compare(sql.ref(clause.key), clause, database.dialect)
  )
  const terms = termsOf(query.orderBy)
  const where: RawBuilder<SqlBool>[] = [
    sql`project = ${query.project}`,
    sql`lifecycle_stage in (${sql.join(query.stages)})`,
    ...conditions,
    ...(query.after === null ? [] : [afterCursor(terms, query.after)]),
  ]
  const { rows } = await sql<ExperimentRow & Record<string, unknown>>`
    select experiments.*, ${sortColumns(terms)} from experiments
    where ${allOf(where)} order by ${orderClause(terms)} limit ${query.limit + 1}`.execute(
    database.as<TrackingTables>()
  )
  const page = rows.slice(0, query.limit)
  const last = page.at(-1)
  return {
    rows: page,
    last: rows.length > query.limit && last !== undefined ? cursorOf(last, terms) : null,
  }
}

/** MLflow lists the newest experiment first, and breaks ties by id. */
function termsOf(orderBy: readonly OrderBy[]): SortTerm[] {
  const asked = orderBy.map((o) => ({ expression: sql.ref(o.key), ascending: o.ascending }))
  const byDefault =
    asked.length === 0 ? [{ expression: sql.ref('creation_time'), ascending: false }] : []
  return [...asked, ...byDefault, { expression: sql.ref('experiment_id'), ascending: false }]
}
