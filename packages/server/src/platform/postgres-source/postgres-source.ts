import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import type { Client } from 'pg'
import { quoteName, quoteText } from '../database/index.ts'
import type { DuckDb } from '../duckdb/index.ts'
import { columnType } from './column-type.ts'

const CONNECT_WITHIN_MS = 10_000
const NULL = '\\N'
/** Leads each line: DuckDB passes over a line that is one empty text. */
const LINE = '_line'

/** What is read: a table, `name` or `schema.name`, or a query. */
export type Relation = Readonly<{ table: string } | { query: string }>

/** The PostgreSQL databases that may be read from, by the names under which the operator configured them. */
export interface PostgresSources {
  /**
   * Streams the rows of a relation, as of one instant, into a Parquet file; memory does not grow with them. Instants are read in UTC.
   * Throws an Error that says what is wrong, without the address's password; there is no file then.
   */
  toParquet(from: Relation & { connection: string }, path: string): Promise<void>
}

export function createPostgresSources(deps: {
  /** By names in upper case; what asks for `ware-house` is given `WARE_HOUSE`. */
  urls: ReadonlyMap<string, string>
  duckdb: DuckDb
}): PostgresSources {
  return {
    async toParquet({ connection, ...relation }, path) {
      const name = connection.toUpperCase().replace(/[^A-Z0-9]/g, '_')
      const url = deps.urls.get(name)
      if (url === undefined)
        throw new Error(
          `there is no connection "${connection}": set TRESTLE_SOURCE_${name} to its postgres:// address`
        )
      const rows = `${path}.csv`
      try {
        const columns = await withClient(url, (client) => copyRows(client, relation, rows))
        await deps.duckdb.run(
          `COPY (SELECT * EXCLUDE (${LINE}) FROM read_csv(${quoteText(rows)}, header = false, auto_detect = false, delim = ',', quote = '"', escape = '"', new_line = '\\n', nullstr = '${NULL}', allow_quoted_nulls = false, max_line_size = 4194304, columns = {${LINE}: 'INTEGER', ${columns.map((c) => `${quoteText(c.name)}: ${quoteText(c.type)}`).join(', ')}})) TO ${quoteText(path)} (FORMAT parquet, COMPRESSION zstd)`
        )
      } catch (error) {
        await rm(path, { force: true })
        throw error
      } finally {
        await rm(rows, { force: true })
      }
    },
  }
}

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const { default: pg } = await import('pg')
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_WITHIN_MS,
    application_name: 'trestle',
    options: '-c default_transaction_read_only=on -c timezone=UTC -c datestyle=ISO',
  })
  // A connection that breaks fails the query under way; without a listener it would end the process too.
  client.on('error', () => undefined)
  try {
    await client.connect()
    return await work(client)
  } finally {
    await client.end().catch(() => undefined)
  }
}

type Column = Readonly<{ name: string; type: string }>

async function copyRows(client: Client, relation: Relation, into: string): Promise<Column[]> {
  const { to } = await import('pg-copy-streams')
  const select = selectOf(relation)
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
  // Prepared, so that only one statement, a query, gets as far as the COPY, which can't be.
  const described = await client.query(prepared(`SELECT * FROM (${select}\n) AS source LIMIT 0`))
  const columns = described.fields.slice(1).map((f) => ({ name: f.name, type: columnType(f) }))
  if (columns.length === 0) throw new Error('the query has no columns')
  const twice = columns.find(({ name }, i) => columns.findIndex((c) => c.name === name) !== i)
  if (twice !== undefined) throw new Error(`the query has the column "${twice.name}" twice`)
  await pipeline(
    client.query(to(`COPY (${select}) TO STDOUT (FORMAT csv, NULL '${NULL}')`)),
    createWriteStream(into)
  )
  await client.query('COMMIT')
  return columns
}

const prepared = (text: string): { text: string } => {
  const query = { text, queryMode: 'extended' } // which the library's types leave out
  return query
}

const selectOf = (relation: Relation): string => {
  const from =
    'query' in relation
      ? `(${relation.query.replace(/;\s*$/, '')}\n)`
      : relation.table.split('.').map(quoteName).join('.')
  return `SELECT 0, source.* FROM ${from} AS source`
}
