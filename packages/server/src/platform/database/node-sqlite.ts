import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { SqliteDialect, type SqliteDatabase, type SqliteStatement } from 'kysely'

const MAX_CACHED_STATEMENTS = 500

/**
 * Kysely over Node's own SQLite. WAL with `synchronous=FULL`: a commit is on disk before it returns.
 * Statements are kept, since preparing one costs several times what running it does.
 */
export function createNodeSqlite(path: string): { dialect: SqliteDialect; raw: DatabaseSync } {
  const raw = new DatabaseSync(path)
  raw.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32000'
  )
  const cache = new Map<string, SqliteStatement>()

  const prepare = (sql: string): SqliteStatement => {
    const known = cache.get(sql)
    if (known !== undefined) return known
    const statement = toKysely(raw.prepare(sql))
    if (cache.size >= MAX_CACHED_STATEMENTS) cache.delete(cache.keys().next().value ?? '')
    cache.set(sql, statement)
    return statement
  }

  const database: SqliteDatabase = { prepare, close: () => raw.close() }
  return { dialect: new SqliteDialect({ database }), raw }
}

function toKysely(statement: StatementSync): SqliteStatement {
  const isReader = statement.columns().length > 0
  return {
    reader: isReader,
    all: (parameters) => statement.all(...parameters.map(toSqlite)),
    run: (parameters) => statement.run(...parameters.map(toSqlite)),
    iterate: (parameters) => statement.iterate(...parameters.map(toSqlite)),
  }
}

function toSqlite(value: unknown): SQLInputValue {
  if (typeof value === 'boolean') return value ? 1 : 0
  if (value === undefined) return null
  return value as SQLInputValue // Kysely's compiler passes only what the query held; SQLite itself refuses the rest
}
