import { sql, type Kysely, type RawBuilder, type Selectable, type SqlBool } from 'kysely'
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
import type { EvaluationDatasetsTable, TrackingTables } from '../tables.ts'

export type DatasetRow = Selectable<EvaluationDatasetsTable>
export type Tags = Readonly<Record<string, string>>
export type StoredRecord = Readonly<{
  input_hash: string
  record_id: string
  created_time: number
  content: string
}>

export type DatasetSearch = Readonly<{
  project: string
  experimentIds: readonly number[]
  clauses: readonly Clause[]
  orderBy: readonly OrderBy[]
  after: Cursor | null
  limit: number
}>

type Tx = Kysely<TrackingTables>

export function createDatasetStore(database: Database) {
  const db = database.as<TrackingTables>()

  const putTags = async (tx: Tx, datasetId: string, tags: Tags): Promise<void> => {
    for (const [key, value] of Object.entries(tags))
      await tx
        .insertInto('evaluation_dataset_tags')
        .values({ dataset_id: datasetId, key, value })
        .onConflict((c) => c.columns(['dataset_id', 'key']).doUpdateSet({ value }))
        .execute()
  }

  const putExperiments = async (tx: Tx, datasetId: string, ids: readonly number[]) => {
    for (const experiment_id of ids)
      await tx
        .insertInto('evaluation_dataset_experiments')
        .values({ dataset_id: datasetId, experiment_id })
        .onConflict((c) => c.doNothing())
        .execute()
  }

  return {
    insert: (row: DatasetRow, tags: Tags, experimentIds: readonly number[]): Promise<void> =>
      db.transaction().execute(async (tx) => {
        await tx.insertInto('evaluation_datasets').values(row).execute()
        await putTags(tx, row.dataset_id, tags)
        await putExperiments(tx, row.dataset_id, experimentIds)
      }),
    find: (project: string, datasetId: string): Promise<DatasetRow | undefined> =>
      db
        .selectFrom('evaluation_datasets')
        .selectAll()
        .where('dataset_id', '=', datasetId)
        .where('project', '=', project)
        .executeTakeFirst(),
    async remove(datasetId: string): Promise<void> {
      await db.deleteFrom('evaluation_datasets').where('dataset_id', '=', datasetId).execute()
    },
    async tagsOf(datasetIds: readonly string[]): Promise<ReadonlyMap<string, Tags>> {
      if (datasetIds.length === 0) return new Map()
      const rows = await db
        .selectFrom('evaluation_dataset_tags')
        .selectAll()
        .where('dataset_id', 'in', datasetIds)
        .execute()
      const found = new Map<string, Record<string, string>>()
      for (const { dataset_id, key, value } of rows)
        found.set(dataset_id, { ...found.get(dataset_id), [key]: value })
      return found
    },
    setTags: (datasetId: string, tags: Tags): Promise<void> =>
      db.transaction().execute((tx) => putTags(tx, datasetId, tags)),
    async deleteTag(datasetId: string, key: string): Promise<void> {
      await db
        .deleteFrom('evaluation_dataset_tags')
        .where('dataset_id', '=', datasetId)
        .where('key', '=', key)
        .execute()
    },
    addExperiments: (datasetId: string, ids: readonly number[]): Promise<void> =>
      db.transaction().execute((tx) => putExperiments(tx, datasetId, ids)),
    async removeExperiments(datasetId: string, ids: readonly number[]): Promise<void> {
      if (ids.length === 0) return
      await db
        .deleteFrom('evaluation_dataset_experiments')
        .where('dataset_id', '=', datasetId)
        .where('experiment_id', 'in', ids)
        .execute()
    },
    async experimentsOf(datasetId: string): Promise<number[]> {
      const rows = await db
        .selectFrom('evaluation_dataset_experiments')
        .select('experiment_id')
        .where('dataset_id', '=', datasetId)
        .orderBy('experiment_id')
        .execute()
      return rows.map((row) => row.experiment_id)
    },
    /**
     * Changes the records of a dataset, one caller at a time: `change` sees those with the asked hashes and says what they are from now on.
     * Returns false when the dataset is gone.
     */
    changeRecords: (
      datasetId: string,
      hashes: readonly string[],
      change: (
        there: readonly StoredRecord[],
        dataset: DatasetRow
      ) => { put: readonly StoredRecord[]; dataset: Partial<DatasetRow> }
    ): Promise<boolean> =>
      db.transaction().execute(async (tx) => {
        // Locks the row, so that the next caller waits until this one is through.
        const dataset = await tx
          .updateTable('evaluation_datasets')
          .set({ dataset_id: datasetId })
          .where('dataset_id', '=', datasetId)
          .returningAll()
          .executeTakeFirst()
        if (dataset === undefined) return false
        const there: StoredRecord[] = []
        for (let at = 0; at < hashes.length; at += 500)
          there.push(
            ...(await tx
              .selectFrom('evaluation_dataset_records')
              .select(['input_hash', 'record_id', 'created_time', 'content'])
              .where('dataset_id', '=', datasetId)
              .where('input_hash', 'in', hashes.slice(at, at + 500))
              .execute())
          )
        const { put, dataset: changes } = change(there, dataset)
        for (let at = 0; at < put.length; at += 100)
          await tx
            .insertInto('evaluation_dataset_records')
            .values(put.slice(at, at + 100).map((row) => ({ ...row, dataset_id: datasetId })))
            .onConflict((c) =>
              c
                .columns(['dataset_id', 'input_hash'])
                .doUpdateSet({ content: (e) => e.ref('excluded.content') })
            )
            .execute()
        await tx
          .updateTable('evaluation_datasets')
          .set(changes)
          .where('dataset_id', '=', datasetId)
          .execute()
        return true
      }),
    async records(
      datasetId: string,
      after: Cursor | null,
      limit: number
    ): Promise<{ rows: StoredRecord[]; last: Cursor | null }> {
      const terms = ['created_time', 'record_id'].map((name) => ({
        expression: sql.ref(name),
        ascending: true,
      }))
      const where: RawBuilder<SqlBool>[] = [
        sql`dataset_id = ${datasetId}`,
        ...(after === null ? [] : [afterCursor(terms, after)]),
      ]
      return page(db, { table: 'evaluation_dataset_records', where, terms, limit })
    },
    removeRecords: (datasetId: string, ids: readonly string[], at: number): Promise<number> =>
      db.transaction().execute(async (tx) => {
        if (ids.length === 0) return 0
        const { numDeletedRows } = await tx
          .deleteFrom('evaluation_dataset_records')
          .where('dataset_id', '=', datasetId)
          .where('record_id', 'in', ids)
          .executeTakeFirst()
        await tx
          .updateTable('evaluation_datasets')
          .set((e) => ({
            records: e('records', '-', Number(numDeletedRows)),
            last_update_time: at,
          }))
          .where('dataset_id', '=', datasetId)
          .execute()
        return Number(numDeletedRows)
      }),
    async search(query: DatasetSearch): Promise<{ rows: DatasetRow[]; last: Cursor | null }> {
      const link = sql<SqlBool>`kv.dataset_id = evaluation_datasets.dataset_id`
      const where: RawBuilder<SqlBool>[] = [
        sql`project = ${query.project}`,
        ...query.clauses.map((clause) =>
          clause.entity === 'tag'
            ? compareKeyValue({ name: 'evaluation_dataset_tags', link }, clause, database.dialect)
            : compare(sql.ref(clause.key), clause, database.dialect)
        ),
        ...(query.experimentIds.length === 0
          ? []
          : [
              sql<SqlBool>`exists (select 1 from evaluation_dataset_experiments as e where e.dataset_id = evaluation_datasets.dataset_id and e.experiment_id in (${sql.join(query.experimentIds)}))`,
            ]),
      ]
      const asked = query.orderBy.map((o) => ({
        expression: sql.ref(o.key),
        ascending: o.ascending,
      }))
      // MLflow lists the newest first, and breaks ties by id.
      const terms = [
        ...asked,
        ...(asked.length === 0 ? [{ expression: sql.ref('created_time'), ascending: false }] : []),
        { expression: sql.ref('dataset_id'), ascending: false },
      ]
      if (query.after !== null) where.push(afterCursor(terms, query.after))
      return page(db, {
        table: 'evaluation_datasets',
        where,
        terms,
        limit: query.limit,
      })
    },
  }
}
export type DatasetStore = ReturnType<typeof createDatasetStore>

async function page<Table extends 'evaluation_datasets' | 'evaluation_dataset_records'>(
  db: Tx,
  query: {
    table: Table
    where: readonly RawBuilder<SqlBool>[]
    terms: readonly SortTerm[]
    limit: number
  }
): Promise<{ rows: Selectable<TrackingTables[Table]>[]; last: Cursor | null }> {
  const { table, where, terms, limit } = query
  const { rows } = await sql<Selectable<TrackingTables[Table]> & Record<string, unknown>>`
    select ${sql.table(table)}.*, ${sortColumns(terms)} from ${sql.table(table)}
    where ${allOf(where)} order by ${orderClause(terms)} limit ${limit + 1}`.execute(db)
  const found = rows.slice(0, limit)
  const last = found.at(-1)
  return {
    rows: found,
    last: rows.length > limit && last !== undefined ? cursorOf(last, terms) : null,
  }
}
