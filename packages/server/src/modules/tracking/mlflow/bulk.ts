import { CompiledQuery } from 'kysely'
import type { Dialect } from '../../../platform/database/index.ts'

/** A database or transaction, whatever its tables. */
type Executor = { executeQuery: (query: CompiledQuery) => Promise<unknown> }

// Powers of four: few distinct statements, so that each stays prepared, whatever the number of rows.
const STEPS = [256, 64, 16, 4, 1]

/**
 * Inserts many rows at once. The statement is written here and not by the query builder, which takes longer to build a statement of
 * 1,000 rows than the database takes to run it.
 */
export async function insertMany(
  db: Executor,
  target: Readonly<{
    table: string
    columns: readonly string[]
    onConflict: string
    dialect: Dialect
  }>,
  rows: readonly (readonly (string | number | null)[])[]
): Promise<void> {
  let at = 0
  for (const step of STEPS) {
    while (rows.length - at >= step) {
      const chunk = rows.slice(at, at + step)
      await db.executeQuery(CompiledQuery.raw(statement(target, step), chunk.flat()))
      at += step
    }
  }
}

const statements = new Map<string, string>()

function statement(
  target: { table: string; columns: readonly string[]; onConflict: string; dialect: Dialect },
  rows: number
): string {
  const id = `${target.dialect} ${rows} ${target.table} ${target.onConflict}`
  const known = statements.get(id)
  if (known !== undefined) return known
  let parameter = 0
  const next = () => (target.dialect === 'postgres' ? `$${++parameter}` : '?')
  const row = () => `(${target.columns.map(next).join(',')})`
  const text = `insert into ${target.table} (${target.columns.join(',')}) values ${Array.from({ length: rows }, row).join(',')} ${target.onConflict}`
  statements.set(id, text)
  return text
}
