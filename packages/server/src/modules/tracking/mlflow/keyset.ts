import { sql, type RawBuilder, type SqlBool } from 'kysely'
import type { Cursor } from './page-token.ts'

/** A column to sort by. It is never null: missing values sort by a rank of their own. */
export type SortTerm = Readonly<{ expression: RawBuilder<unknown>; ascending: boolean }>

export const orderClause = (terms: readonly SortTerm[]): RawBuilder<unknown> =>
  sql.join(terms.map((term) => sql`${term.expression} ${sql.raw(term.ascending ? 'asc' : 'desc')}`))

/** The sort values of a row as columns `s0`, `s1`, …, so that the last row of a page can become a page token. */
export const sortColumns = (terms: readonly SortTerm[]): RawBuilder<unknown> =>
  sql.join(terms.map((term, i) => sql`${term.expression} as ${sql.id(`s${i}`)}`))

export function cursorOf(
  row: Readonly<Record<string, unknown>>,
  terms: readonly SortTerm[]
): Cursor {
  return terms.map((_term, i) => {
    const value = row[`s${i}`]
    return typeof value === 'string' || typeof value === 'number' ? value : String(value)
  })
}

/** The rows after `cursor` in the order of `terms`: past it in the first term, or level there and past it in the second, and so on. */
export function afterCursor(terms: readonly SortTerm[], cursor: Cursor): RawBuilder<SqlBool> {
  const alternatives = terms.map((term, i) => {
    const level = terms.slice(0, i).map((earlier, j) => sql`${earlier.expression} = ${cursor[j]}`)
    const past = sql`${term.expression} ${sql.raw(term.ascending ? '>' : '<')} ${cursor[i]}`
    return sql`(${sql.join([...level, past], sql` and `)})`
  })
  return sql<SqlBool>`(${sql.join(alternatives, sql` or `)})`
}

export const allOf = (conditions: readonly RawBuilder<SqlBool>[]): RawBuilder<SqlBool> =>
  conditions.length === 0 ? sql<SqlBool>`1 = 1` : sql<SqlBool>`${sql.join(conditions, sql` and `)}`
