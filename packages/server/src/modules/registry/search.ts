import { sql, type RawBuilder, type SqlBool } from 'kysely'
import type { Database } from '../../platform/database/index.ts'
import {
  afterCursor,
  allOf,
  compare,
  compareKeyValue,
  cursorOf,
  orderClause,
  sortColumns,
  type Clause,
  type Cursor,
  type OrderBy,
  type SortTerm,
} from '../tracking/index.ts'
import type { ModelRow, VersionRow } from './store.ts'
import type { RegistryTables } from './tables.ts'

export type RegistrySearch = Readonly<{
  project: string
  clauses: readonly Clause[]
  orderBy: readonly OrderBy[]
  after: Cursor | null
  limit: number
}>

type Page<R> = { rows: R[]; last: Cursor | null }

export const PROMPT_TAG = 'mlflow.prompt.is_prompt'

export async function searchModels(
  database: Database,
  query: RegistrySearch
): Promise<Page<ModelRow>> {
  const link = sql<SqlBool>`kv.model_key = registered_models.model_key`
  const terms: SortTerm[] = [
    ...query.orderBy.map((o) => ({
      expression: column(MODEL_COLUMNS, o.key),
      ascending: o.ascending,
    })),
    { expression: sql`registered_models.name`, ascending: true },
  ]
  const where = [
    sql<SqlBool>`registered_models.project = ${query.project}`,
    ...promptCondition(query.clauses, { name: 'registered_model_tags', link }),
    ...query.clauses
      .filter((clause) => !isPromptClause(clause))
      .map((clause) =>
        clause.entity === 'tag'
          ? compareKeyValue({ name: 'registered_model_tags', link }, clause, database.dialect)
          : compare(sql`registered_models.name`, clause, database.dialect)
      ),
  ]
  return page(database, query, {
    from: sql`registered_models`,
    columns: sql`registered_models.*`,
    where,
    terms,
  })
}

export async function searchVersions(
  database: Database,
  query: RegistrySearch
): Promise<Page<VersionRow>> {
  const link = sql<SqlBool>`kv.version_key = v.version_key`
  const asked = query.orderBy.map((o) => ({
    expression: column(VERSION_COLUMNS, o.key),
    ascending: o.ascending,
  }))
  const terms: SortTerm[] = [
    ...asked,
    ...(asked.length === 0 ? [{ expression: sql`v.updated_at`, ascending: false }] : []),
    { expression: sql`m.name`, ascending: true },
    { expression: sql`v.version`, ascending: false },
  ]
  const where = [
    sql<SqlBool>`m.project = ${query.project}`,
    sql<SqlBool>`v.lifecycle_stage = 'active'`,
    ...promptCondition(query.clauses, { name: 'model_version_tags', link }),
    ...query.clauses
      .filter((clause) => !isPromptClause(clause))
      .map((clause) =>
        clause.entity === 'tag'
          ? compareKeyValue({ name: 'model_version_tags', link }, clause, database.dialect)
          : compare(column(VERSION_COLUMNS, clause.key), clause, database.dialect)
      ),
  ]
  const from = sql`model_versions v join registered_models m on m.model_key = v.model_key`
  return page(database, query, { from, columns: sql`v.*`, where, terms })
}

async function page<R>(
  database: Database,
  query: RegistrySearch,
  parts: {
    from: RawBuilder<unknown>
    columns: RawBuilder<unknown>
    where: readonly RawBuilder<SqlBool>[]
    terms: readonly SortTerm[]
  }
): Promise<Page<R>> {
  const after = query.after === null ? [] : [afterCursor(parts.terms, query.after)]
  const { rows } = await sql<R & Record<string, unknown>>`
    select ${parts.columns}, ${sortColumns(parts.terms)} from ${parts.from}
    where ${allOf([...parts.where, ...after])} order by ${orderClause(parts.terms)} limit ${query.limit + 1}`.execute(
    database.as<RegistryTables>()
  )
  const some = rows.slice(0, query.limit)
  const last = some.at(-1)
  return {
    rows: some,
    last: rows.length > query.limit && last !== undefined ? cursorOf(last, parts.terms) : null,
  }
}

const isPromptClause = (clause: Clause): boolean =>
  clause.entity === 'tag' && clause.key === PROMPT_TAG

/** Prompts are registered models with a tag. They show only to those who ask for them; `!= 'true'` is met by having no tag at all. */
function promptCondition(
  clauses: readonly Clause[],
  table: { name: string; link: RawBuilder<SqlBool> }
): RawBuilder<SqlBool>[] {
  const asked = clauses.find((clause) => isPromptClause(clause))
  const isWanted =
    asked?.type === 'string' &&
    (asked.comparator === '=') === (asked.value.toLowerCase() === 'true')
  const exists = sql<SqlBool>`exists (select 1 from ${sql.table(table.name)} as kv where ${table.link} and kv.key = ${PROMPT_TAG} and lower(kv.value) = 'true')`
  return [isWanted ? exists : sql<SqlBool>`not ${exists}`]
}

const MODEL_COLUMNS: Readonly<Record<string, string>> = {
  name: 'registered_models.name',
  creation_timestamp: 'registered_models.created_at',
  last_updated_timestamp: 'registered_models.updated_at',
}

const VERSION_COLUMNS: Readonly<Record<string, string>> = {
  name: 'm.name',
  version_number: 'v.version',
  run_id: 'v.run_id',
  source_path: 'v.source',
  creation_timestamp: 'v.created_at',
  last_updated_timestamp: 'v.updated_at',
}

const column = (columns: Readonly<Record<string, string>>, key: string): RawBuilder<unknown> =>
  sql.ref(columns[key] ?? key)
