import { sql, type RawBuilder, type SqlBool } from 'kysely'
import type { Dialect } from '../../../platform/database/index.ts'
import type { Clause } from './filter.ts'

type Condition = RawBuilder<SqlBool>

const ESCAPES = /[*?[]/g

/** `column <comparator> value` for a clause, meaning the same on both databases: LIKE minds case, ILIKE does not, neither has an escape. */
export function compare(column: RawBuilder<unknown>, clause: Clause, dialect: Dialect): Condition {
  if (clause.type === 'number') return sql`${column} ${sql.raw(clause.comparator)} ${clause.value}`
  if (clause.type === 'list') {
    if (clause.values.length === 0)
      return clause.comparator === 'IN' ? sql`1 = 0` : sql`${column} is not null`
    return sql`${column} ${sql.raw(clause.comparator)} (${sql.join(clause.values)})`
  }
  switch (clause.comparator) {
    case '=':
    case '!=':
      return sql`${column} ${sql.raw(clause.comparator)} ${clause.value}`
    case 'LIKE':
      // SQLite's LIKE ignores case; GLOB does not.
      return dialect === 'postgres'
        ? sql`${column} like ${clause.value} escape ''`
        : sql`${column} glob ${toGlob(clause.value)}`
    case 'ILIKE':
      return dialect === 'postgres'
        ? sql`${column} ilike ${clause.value} escape ''`
        : sql`lower(${column}) like ${clause.value.toLowerCase()}`
  }
}

const toGlob = (pattern: string): string =>
  pattern
    .replaceAll(ESCAPES, (c) => `[${c}]`)
    .replaceAll('%', '*')
    .replaceAll('_', '?')

/**
 * The condition on a key-value table whose rows hang on the outer row by `link`: the outer row matches when it has the key and its
 * value compares. A row without the key matches nothing, not even `!=`.
 */
export function compareKeyValue(
  table: { name: string; link: RawBuilder<SqlBool>; isNumeric?: boolean },
  clause: Clause,
  dialect: Dialect
): Condition {
  const name = sql.table(table.name)
  const value = sql`kv.value`
  const extra =
    table.isNumeric === true
      ? sql` and kv.is_nan = 0`
      : clause.type === 'string' && clause.comparator === '='
        ? sql` and substr(kv.value, 1, 100) = ${Array.from(clause.value).slice(0, 100).join('')}` // what the index holds
        : sql``
  return sql`exists (select 1 from ${name} as kv where ${table.link} and kv.key = ${clause.key} and ${compare(value, clause, dialect)}${extra})`
}
