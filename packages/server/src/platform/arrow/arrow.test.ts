import { createWriteStream } from 'node:fs'
import { copyFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDuckDb, type DuckDb } from '../duckdb/index.ts'
import { arrowBytes, arrowIntoTable } from './index.ts'

let dir: string
let duckdb: DuckDb
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'trestle-arrow-'))
  duckdb = createDuckDb({ temporaryDir: join(dir, 'duckdb'), memoryLimit: '512MB', threads: 1 })
})
afterAll(async () => {
  await duckdb.stop()
  await rm(dir, { recursive: true, force: true })
})

const fixture = (name: string): string =>
  fileURLToPath(new URL(`fixtures/${name}`, import.meta.url))

test.each(['lz4.arrow', 'zstd.arrows'])(
  '%s of pyarrow is read as pyarrow reads it',
  async (name) => {
    const expected: unknown = JSON.parse(await readFile(fixture('rows.json'), 'utf8'))
    await duckdb.use(async (connection) => {
      expect(await arrowIntoTable(connection, fixture(name), 'found')).toBe(1_200)
      const rows = await connection.runAndReadAll(
        `SELECT id, small, amount, score, shop, note, good, day::VARCHAR AS day, replace("at"::VARCHAR, '+00', '+00:00') AS "at",
         local::TIMESTAMP::VARCHAR AS local, vector
       FROM found WHERE id IN (0, 3, 11, 403, 1199) ORDER BY id`
      )
      expect(rows.getRowObjectsJson().map((row) => ({ ...row, id: Number(row['id']) }))).toEqual(
        expected
      )
      const sums = await connection.runAndReadAll(
        'SELECT sum(id)::INT, count(small)::INT, count(shop)::INT, count(good)::INT, sum(len(note))::INT FROM found'
      )
      const at = (keep: (i: number) => boolean) =>
        Array.from({ length: 1_200 }, (_, i) => i).filter(keep)
      expect(sums.getRows()[0]).toEqual([
        at(() => true).reduce((a, b) => a + b),
        at((i) => i % 7 !== 3).length,
        at((i) => i % 5 !== 0).length,
        at((i) => i % 17 !== 0).length,
        at((i) => i % 13 !== 0).reduce((sum, i) => sum + (i % 4), 0),
      ])
    })
  }
)

const EVERY_TYPE = `
  SELECT i AS id, (i % 2 = 0) AS flag, i::TINYINT AS a, i::SMALLINT AS b, i::INTEGER AS c, i::UTINYINT AS d, i::USMALLINT AS e, i::UINTEGER AS f,
    i::UBIGINT AS g, (i / 3)::FLOAT AS h, i / 7 AS j, 'ü' || i AS k, DATE '2026-01-01' + i::INTEGER AS l, TIMESTAMP '2026-01-01' + INTERVAL (i) SECOND AS m,
    make_timestamp_ns(i) AS n, TIMESTAMPTZ '2026-01-01 00:00:00+00' + INTERVAL (i) MINUTE AS o, [i::DOUBLE, NULL] AS p, i::DECIMAL(18, 3) / 8 AS q
  FROM range(100) t(i)`
const nulls = (query: string): string =>
  `SELECT id, COLUMNS(* EXCLUDE id) FROM (${query}) WHERE id % 3 = 1 UNION ALL BY NAME SELECT id FROM (${query}) WHERE id % 3 <> 1 ORDER BY id`

test.each(['file', 'stream'] as const)(
  'what is written as a %s is read back, with every type and its nulls',
  async (form) => {
    const path = join(dir, `out.${form}`)
    await duckdb.use(async (connection) => {
      // Many chunks, filtered so that none of them is full.
      const query = `SELECT * FROM (${nulls(EVERY_TYPE)}), range(600) r(copy) WHERE copy % 3 = 0`
      await pipeline(Readable.from(arrowBytes(connection, query, form)), createWriteStream(path))
      expect(await arrowIntoTable(connection, path, 'back')).toBe(20_000)
      const differing = await connection.runAndReadAll(
        `SELECT count(*)::INT FROM ((SELECT * REPLACE (q::DOUBLE AS q) FROM (${query}) EXCEPT ALL FROM back) UNION ALL (FROM back EXCEPT ALL SELECT * REPLACE (q::DOUBLE AS q) FROM (${query})))`
      )
      expect(differing.getRows()).toEqual([[0]])
    })
  }
)

test('no rows keep their columns; a file that is cut or none is refused by name', async () => {
  await duckdb.use(async (connection) => {
    const path = join(dir, 'empty.arrow')
    await pipeline(
      Readable.from(arrowBytes(connection, `${EVERY_TYPE} WHERE i < 0`, 'file')),
      createWriteStream(path)
    )
    expect(await arrowIntoTable(connection, path, 'empty')).toBe(0)
    const cut = join(dir, 'cut.arrow')
    await copyFile(fixture('zstd.arrows'), cut)
    await truncate(cut, 9_000)
    await expect(arrowIntoTable(connection, cut, 'cut')).rejects.toThrow(/cut\.arrow/)
    await writeFile(join(dir, 'none.arrow'), 'id,amount\n1,2\n')
    await expect(arrowIntoTable(connection, join(dir, 'none.arrow'), 'none')).rejects.toThrow(
      /none\.arrow can't be read as Arrow/
    )
  })
})
