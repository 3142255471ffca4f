import { sql, type RawBuilder, type SqlBool } from 'kysely'
import type { Database, Dialect } from '../../../platform/database/index.ts'
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
import type { TrackingTables } from '../tables.ts'
import { fewMatches } from './few-matches.ts'
import type { RunRow } from './run-records.ts'

export type RunSearch = Readonly<{
  project: string
  experimentIds: readonly number[]
  stages: readonly ('active' | 'deleted')[]
  clauses: readonly Clause[]
  orderBy: readonly OrderBy[]
  after: Cursor | null
  limit: number
}>

/** One page of runs, and where it ended when there are more. */
export async function searchRuns(
  database: Database,
  query: RunSearch,
  options: { few?: number } = {}
): Promise<{ rows: RunRow[]; last: Cursor | null }> {
  if (query.experimentIds.length === 0) return { rows: [], last: null }
  const { joins, terms } = sortOf(query.orderBy)
  const few = await fewMatches(database, query, options.few)
  const where = [
    sql<SqlBool>`runs.project = ${query.project}`,
    sql<SqlBool>`runs.experiment_id in (${sql.join(query.experimentIds)})`,
    sql<SqlBool>`runs.lifecycle_stage in (${sql.join(query.stages)})`,
    ...query.clauses.map((clause) => condition(clause, database.dialect)),
    ...(query.after === null ? [] : [afterCursor(terms, query.after)]),
    ...(few === null ? [] : [few]),
  ]
  // Then the runs are looked up by key, and by no index of theirs.
  const runs = few === null ? sql`runs` : sql`runs not indexed`
  const { rows } = await sql<RunRow & Record<string, unknown>>`
    select runs.*, ${sortColumns(terms)} from ${runs} ${sql.join(joins, sql` `)}
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

const LINK = sql<SqlBool>`kv.run_key = runs.run_key`

function condition(clause: Clause, dialect: Dialect): RawBuilder<SqlBool> {
  switch (clause.entity) {
    case 'metric':
      return compareKeyValue(
        { name: 'latest_metrics', link: LINK, isNumeric: true },
        clause,
        dialect
      )
    case 'parameter':
      return compareKeyValue({ name: 'params', link: LINK }, clause, dialect)
    case 'tag':
      return compareKeyValue({ name: 'run_tags', link: LINK }, clause, dialect)
    case 'attribute':
      return compare(sql.ref(`runs.${clause.key}`), clause, dialect)
    case 'dataset': {
      const column = clause.key === 'context' ? sql.ref('rd.context') : sql.ref(`d.${clause.key}`)
      return sql<SqlBool>`exists (select 1 from run_datasets rd join datasets d on d.dataset_key = rd.dataset_key
        where rd.run_key = runs.run_key and ${compare(column, clause, dialect)})`
    }
  }
}

/**
 * The order that was asked for, then newest first, then by id. Numbers come before NaN before missing, in both directions, as in MLflow:
 * each term is a rank and a value, so that no column is ever null and a page can go on after any row.
 */
function sortOf(orderBy: readonly OrderBy[]): { joins: RawBuilder<unknown>[]; terms: SortTerm[] } {
  const joins: RawBuilder<unknown>[] = []
  const terms: SortTerm[] = []
  for (const [i, { entity, key, ascending }] of orderBy.entries()) {
    const alias = `o${i}`
    const value = sql.ref(`${alias}.value`)
    switch (entity) {
      case 'metric':
        joins.push(join('latest_metrics', alias, key))
        terms.push({
          expression: sql`case when ${value} is null then 2 when ${sql.ref(`${alias}.is_nan`)} = 1 then 1 else 0 end`,
          ascending: true,
        })
        terms.push({ expression: sql`coalesce(${value}, 0)`, ascending })
        break
      case 'parameter':
      case 'tag':
        joins.push(join(entity === 'tag' ? 'run_tags' : 'params', alias, key))
        terms.push({
          expression: sql`case when ${value} is null then 1 else 0 end`,
          ascending: true,
        })
        terms.push({ expression: sql`coalesce(${value}, '')`, ascending })
        break
      case 'attribute':
      case 'dataset':
        terms.push(...attributeTerms(key, ascending))
        break
    }
  }
  const asked = new Set(orderBy.filter((o) => o.entity === 'attribute').map((o) => o.key))
  if (!asked.has('start_time')) terms.push({ expression: sql`runs.start_time`, ascending: false })
  if (!asked.has('run_id')) terms.push({ expression: sql`runs.run_id`, ascending: true })
  return { joins, terms }
}

function attributeTerms(key: string, ascending: boolean): SortTerm[] {
  const column = sql.ref(`runs.${key}`)
  if (key !== 'end_time') return [{ expression: column, ascending }]
  return [
    { expression: sql`case when ${column} is null then 1 else 0 end`, ascending: true },
    { expression: sql`coalesce(${column}, 0)`, ascending },
  ]
}

const join = (table: string, alias: string, key: string): RawBuilder<unknown> =>
  sql`left join ${sql.table(table)} as ${sql.id(alias)} on ${sql.ref(`${alias}.run_key`)} = runs.run_key and ${sql.ref(`${alias}.key`)} = ${key}`
