import { sql, type RawBuilder, type SqlBool } from 'kysely'
import type { Database } from '../../../platform/database/index.ts'
import { compare } from '../mlflow/conditions.ts'
import type { Clause } from '../mlflow/filter.ts'
import type { OrderBy } from '../mlflow/order-by.ts'
import type { TrackingTables } from '../tables.ts'

/** With more matches than this a walk over the runs, newest first, has a page together sooner; */
const FEW = 5_000
/** and where another order asks for all of them anyway, with more than this. */
const FEW_TO_SORT = 250_000

const TABLES: Readonly<Partial<Record<Clause['entity'], string>>> = {
  metric: 'latest_metrics',
  parameter: 'params',
  tag: 'run_tags',
}

/**
 * A condition that holds for every run that a filter finds, and for few others: the runs that the filter's rarest comparison names, read from the index of
 * values. SQLite has no statistics to choose it by, so the matches are counted, up to `few`. Null when every comparison has many, and on
 * PostgreSQL, whose planner knows.
 */
export async function fewMatches(
  database: Database,
  { clauses, orderBy }: Readonly<{ clauses: readonly Clause[]; orderBy: readonly OrderBy[] }>,
  few = orderBy.every(isByTime) ? FEW : FEW_TO_SORT
): Promise<RawBuilder<SqlBool> | null> {
  if (database.dialect === 'postgres') return null
  let best: { count: number; keys: RawBuilder<unknown> } | null = null
  for (const clause of clauses) {
    const keys = keysOf(clause)
    if (keys === null) continue
    const { rows } = await sql<{ count: number }>`
      select count(*) as count from (${keys} limit ${few + 1})`.execute(
      database.as<TrackingTables>()
    )
    const count = rows[0]?.count ?? Infinity
    if (count <= few && count < (best?.count ?? Infinity)) best = { count, keys }
  }
  return best === null ? null : sql<SqlBool>`runs.run_key in (${best.keys})`
}

const isByTime = ({ entity, key }: OrderBy): boolean =>
  entity === 'attribute' && key === 'start_time'

/** The runs of one comparison by a range of its index; null for one that no range answers. */
function keysOf(clause: Clause): RawBuilder<unknown> | null {
  const name = TABLES[clause.entity]
  if (name === undefined) return null
  const from = sql`select kv.run_key from ${sql.table(name)} as kv where kv.key = ${clause.key}`
  if (clause.entity === 'metric')
    return clause.type !== 'number' || clause.comparator === '!='
      ? null
      : sql`${from} and ${compare(sql`kv.value`, clause, 'sqlite')}`
  if (clause.type !== 'string' || clause.comparator !== '=') return null
  // What the index holds: more may match, and the filter itself still decides.
  return sql`${from} and substr(kv.value, 1, 100) = ${Array.from(clause.value).slice(0, 100).join('')}`
}
