import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createDuckDb } from '../duckdb/index.ts'
import { columnType } from './column-type.ts'
import { createPostgresSources } from './index.ts'

const url = inject('postgresUrl')

test.each([
  [{ dataTypeID: 1700, dataTypeModifier: ((12 << 16) | 3) + 4 }, 'DECIMAL(12, 3)'],
  [{ dataTypeID: 1700, dataTypeModifier: ((60 << 16) | 3) + 4 }, 'DOUBLE'],
  [{ dataTypeID: 1700, dataTypeModifier: -1 }, 'DOUBLE'],
  [{ dataTypeID: 3802, dataTypeModifier: -1 }, 'VARCHAR'],
])('%o is read as %s', (field, type) => expect(columnType(field)).toBe(type))

describe.skipIf(url === null)('from a real PostgreSQL', () => {
  const dir = mkdtempSync(join(tmpdir(), 'trestle-pg-source-'))
  const duckdb = createDuckDb({ temporaryDir: join(dir, 'tmp'), memoryLimit: '500MB', threads: 1 })
  const sources = createPostgresSources({ urls: new Map([['SHOP', url ?? '']]), duckdb })
  const client = new Client({ connectionString: url ?? '' })
  const path = join(dir, 'rows.parquet')
  const read = async (relation: { table: string } | { query: string }) => {
    await sources.toParquet({ connection: 'shop', ...relation }, path)
    return duckdb.rows(`SELECT * FROM read_parquet('${path}')`)
  }

  beforeAll(async () => {
    await client.connect()
    await client.query(`CREATE SCHEMA source_test; SET search_path TO source_test;
      CREATE TABLE "Odd table" (id bigint, amount numeric(10,2), loose numeric, label text, at timestamptz, day date, raw bytea, tags text[], ok boolean, "a,b" real);
      INSERT INTO "Odd table" VALUES
        (9007199254740993, 12.30, 0.1, E'say "hi",\n\\\\N', '2026-01-01 02:00:00+02', '2026-01-02', '\\x00ff', '{x,y}', true, 'NaN'),
        (NULL, NULL, NULL, '', NULL, NULL, NULL, NULL, NULL, NULL), (2, -1, 5, '\\N', '1970-01-01 00:00:00.000001+00', NULL, '', '{}', false, 0.5);
      CREATE TABLE sparse (v text); INSERT INTO sparse VALUES (NULL), ('x'), (NULL), ('')`)
  })
  afterAll(async () => {
    await client.query('DROP SCHEMA source_test CASCADE')
    await client.end()
    await duckdb.stop()
    rmSync(dir, { recursive: true })
  })

  test('each value of a table comes as it is, nulls and empty texts told apart', async () => {
    const rows = await read({ table: 'source_test.Odd table' })
    expect(rows).toMatchObject([
      { id: 9007199254740993n, loose: 0.1, label: 'say "hi",\n\\N', raw: '\\x00ff', tags: '{x,y}' },
      { id: null, amount: null, label: '', at: null, raw: null },
      { id: 2n, label: '\\N', ok: false, 'a,b': 0.5 },
    ])
    expect(rows[0]).toMatchObject({ at: new Date('2026-01-01T00:00:00Z'), 'a,b': NaN })
    expect(String(rows[0]?.['amount'])).toBe('12.3')
    expect(await read({ table: 'source_test.sparse' })).toEqual(
      [null, 'x', null, ''].map((v) => ({ v }))
    )
  })

  test('a query may end in a comment or a semicolon, and sees times in UTC', async () => {
    expect(
      await read({ query: "SELECT current_setting('timezone') AS zone, 1 AS one -- so" })
    ).toEqual([{ zone: 'UTC', one: 1 }])
    expect(await read({ query: 'SELECT 2 AS two;' })).toEqual([{ two: 2 }])
  })

  test.each([
    ['a table that is not there', { table: 'source_test.nope' }, 'does not exist'],
    ['a query that is not one', { query: 'DELETE FROM source_test.sparse' }, 'syntax error'],
    ['a way out of the query', { query: "SELECT 1) TO PROGRAM 'true' --" }, /syntax error|alias/],
    [
      'a second statement',
      { query: 'SELECT 1) AS s; DROP TABLE source_test.sparse; --' },
      /multiple commands|syntax error/,
    ],
    ['a query that writes', { query: "SELECT nextval('source_test.s')" }, 'does not exist'],
    [
      'a query that fails midway',
      { query: 'SELECT 1 / (3 - g) AS q FROM generate_series(1, 9) g' },
      'division by zero',
    ],
    ['a column twice', { query: 'SELECT 1 AS a, 2 AS a' }, 'the column "a" twice'],
  ])('%s is refused, and no file is left', async (_name, relation, message) => {
    rmSync(path, { force: true })
    await expect(read(relation)).rejects.toThrow(message)
    expect(existsSync(path)).toBe(false)
  })

  test('a connection without an address says which variable it wants', async () => {
    await expect(sources.toParquet({ connection: 'ware-house', table: 't' }, path)).rejects.toThrow(
      'set TRESTLE_SOURCE_WARE_HOUSE to its postgres:// address'
    )
  })
})
