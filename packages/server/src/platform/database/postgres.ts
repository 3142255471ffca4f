import { PostgresDialect } from 'kysely'
import pg from 'pg'

const INT8 = 20
const NUMERIC = 1700

/** Kysely over `pg`. Counts and epoch milliseconds come as numbers: they stay far under 2^53. */
export function createPostgres(url: string): { dialect: PostgresDialect; pool: pg.Pool } {
  const pool = new pg.Pool({
    connectionString: url,
    max: 10,
    connectionTimeoutMillis: 5_000,
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        oid === INT8 || oid === NUMERIC
          ? Number
          : (pg.types.getTypeParser(oid, format) as (value: string) => unknown),
    },
  })
  // A broken idle connection is replaced at its next use; without a listener it would end the process.
  pool.on('error', () => undefined)
  return { dialect: new PostgresDialect({ pool }), pool }
}
