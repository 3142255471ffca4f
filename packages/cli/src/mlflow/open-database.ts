import { existsSync } from 'node:fs'

/** Runs a query with `$1`, `$2` … for its values. */
export type Rows = (
  sql: string,
  values: readonly (string | number)[]
) => Promise<Readonly<Record<string, unknown>>[]>

/** Opens an MLflow database for reading: `sqlite:///relative.db`, `sqlite:////absolute.db`, `postgresql://…`. Throws when there is none. */
export async function openDatabase(
  url: string
): Promise<{ label: string; rows: Rows; close: () => Promise<void> }> {
  if (url.startsWith('sqlite:')) return openSqlite(url.replace(/^sqlite:\/\/\//, ''))
  const { default: pg } = await import('pg')
  const plain = url.replace(/^postgres(ql)?(\+\w+)?:/, 'postgresql:') // SQLAlchemy names its driver too
  const client = new pg.Client({ connectionString: plain })
  await client.connect()
  await client.query('set default_transaction_read_only = on')
  const { host, pathname } = new URL(plain)
  return {
    label: `postgresql://${host}${pathname}`,
    rows: async (sql, values) =>
      (await client.query<Record<string, unknown>>(sql, [...values])).rows,
    close: () => client.end(),
  }
}

async function openSqlite(path: string) {
  if (!existsSync(path)) throw new Error(`There is no file ${path}`)
  const { DatabaseSync } = await import('node:sqlite')
  const database = new DatabaseSync(path, { readOnly: true })
  return {
    label: `sqlite:///${path}`,
    rows: async (sql: string, values: readonly (string | number)[]) =>
      database.prepare(sql.replaceAll(/\$\d+/g, '?')).all(...values),
    close: async () => database.close(),
  }
}
