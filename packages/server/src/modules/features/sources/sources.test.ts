import { symlink, writeFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import { openTestFeatures, T0, type TestFeatures } from '../../../../test/support/features.ts'
import { openS3, type S3 } from '../../../platform/s3/index.ts'
import { hasS3, startS3, type TestS3 } from '../../../../test/support/s3-server.ts'
import { createDuckDb } from '../../../platform/duckdb/index.ts'
import { createPostgresSources } from '../../../platform/postgres-source/index.ts'
import { createOfflineLog } from '../offline/offline-log.ts'
import { createSourceFiles } from './source-files.ts'
import { createSourceRoot } from './source-root.ts'

const url = inject('postgresUrl')
let features: TestFeatures
beforeEach(async () => {
  features = await openTestFeatures({ postgres: new Map([['SHOP', url ?? '']]) })
})
afterEach(() => features.close())

type Batch = Parameters<TestFeatures['apply']>[0]['views'] extends
  readonly { batch?: infer B }[] | undefined
  ? B
  : never
const declare = (batch: Batch) =>
  features.apply({
    entities: [{ name: 'driver', keys: [{ name: 'driver_id', type: 'int64' }] }],
    views: [
      {
        name: 'stats',
        entities: ['driver'],
        features: [{ name: 'trips', type: 'int64' }],
        batch,
        pushSource: 'stats_push',
      },
    ],
  })
const materialize = async (store = features.store) => {
  const [done] = await store.materialize({
    project: 'default',
    view: 'stats',
    mode: 'incremental',
    fromMs: null,
    toMs: null,
  })
  return done
}
const trips = async () => {
  const read = await features.store.online({
    project: 'default',
    wanted: { features: ['stats:trips'] },
    rows: [{ driver_id: 1 }, { driver_id: 2 }],
    now: T0,
  })
  return read.values.map(([value]) => value)
}
const rowsIn = () =>
  features.store.offlineFacts(features.store.catalog.view('default', 'stats').storageId).rows

const ROWS = `VALUES (1, 10, TIMESTAMP '2025-12-31 10:00:00'), (2, 20, TIMESTAMP '2025-12-31 11:00:00')`
const CSV = 'driver_id,trips,event_timestamp\n1,10,2025-12-31T10:00:00Z\n'

describe('a DuckDB database file', () => {
  const write = async (sql: string) => {
    const instance = await DuckDBInstance.create(join(features.dir, 'shop.duckdb'))
    const connection = await instance.connect()
    await connection.run(sql)
    connection.closeSync()
    instance.closeSync()
  }
  beforeEach(() =>
    write(
      `CREATE TABLE "Stats" AS SELECT * FROM (${ROWS}) AS t (driver_id, trips, event_timestamp)`
    )
  )

  test('is read by table or query, and again once it has changed', async () => {
    const path = join(features.dir, 'shop.duckdb')
    await declare({ kind: 'duckdb', path, table: 'Stats' })
    expect(await materialize()).toMatchObject({ importedRows: 2, materializedRows: 2 })
    expect(await materialize()).toMatchObject({ importedRows: 0, materializedRows: 0 })
    await write('UPDATE "Stats" SET trips = trips + 1')
    expect(await materialize()).toMatchObject({ importedRows: 2 })
    expect(await trips()).toEqual([11, 21])
    expect(rowsIn()).toBe(2)
    const query = 'SELECT * REPLACE (trips * 2 AS trips) FROM "Stats" -- doubled'
    await declare({ kind: 'duckdb', path, query })
    await materialize()
    expect(await trips()).toEqual([22, 42])
  })

  test.each([
    [`SELECT * FROM read_csv('/etc/passwd')`, 'disabled by configuration'],
    ['DELETE FROM "Stats"', 'syntax error'],
    ["SELECT 1) AS s) TO 'x.csv'; COPY (SELECT * FROM (SELECT 2", 'multiple statements'],
    [
      'SELECT trips FROM "Stats"',
      'the event time reads column "event_timestamp", and there is none',
    ],
  ])('%s is refused', async (query, message) => {
    await declare({ kind: 'duckdb', path: join(features.dir, 'shop.duckdb'), query })
    await expect(materialize()).rejects.toThrow(message)
    await expect(materialize()).rejects.toThrow('Source of view "stats"')
    expect(rowsIn()).toBe(0)
  })
})

test.skipIf(url === null)(
  'a PostgreSQL table is read again only once its rows are others',
  async () => {
    const client = new Client({ connectionString: url ?? '' })
    await client.connect()
    try {
      await client.query(
        `CREATE SCHEMA shop; CREATE TABLE shop.stats AS SELECT * FROM (${ROWS}) AS t (driver_id, trips, event_timestamp)`
      )
      await declare({ kind: 'postgres', connection: 'shop', table: 'shop.stats' })
      expect(await materialize()).toMatchObject({ importedRows: 2, materializedRows: 2 })
      await client.query(
        'CREATE TABLE shop.other AS SELECT * FROM shop.stats ORDER BY trips DESC; TRUNCATE shop.stats; INSERT INTO shop.stats SELECT * FROM shop.other'
      )
      expect(await materialize()).toMatchObject({ importedRows: 0 })
      await client.query('UPDATE shop.stats SET trips = 5 WHERE driver_id = 1')
      expect(await materialize()).toMatchObject({ importedRows: 2 })
      expect(await trips()).toEqual([5, 20])
      await client.query('ALTER TABLE shop.stats ALTER trips TYPE text')
      await expect(materialize()).rejects.toThrow(
        'Source of view "stats" (PostgreSQL shop: shop.stats): feature "trips" is declared int64, and the column is VARCHAR'
      )
      expect(await trips()).toEqual([5, 20])
    } finally {
      await client.query('DROP SCHEMA shop CASCADE')
      await client.end()
    }
  }
)

describe.skipIf(!hasS3())('objects in S3', () => {
  let server: TestS3
  let s3: S3
  beforeAll(async () => {
    server = await startS3()
    s3 = openS3({
      region: 'us-east-1',
      endpoint: server.endpoint,
      credentials: {
        accessKeyId: server.env['AWS_ACCESS_KEY_ID'] ?? '',
        secretAccessKey: server.env['AWS_SECRET_ACCESS_KEY'] ?? '',
      },
    })
  })
  afterAll(async () => {
    await s3.stop()
    await server.stop()
  })

  test('are read by pattern, each again once it has changed', async () => {
    await features.close()
    features = await openTestFeatures({ s3 })
    const put = (key: string, text: string) =>
      s3.write(`s3://${server.bucket}/${key}`, Readable.from([text]))
    await put('stats/a.csv', CSV)
    await put('stats/b.csv', CSV.replace('1,10', '2,20'))
    await put('stats/deep/c.csv', 'not,read')
    await declare({ kind: 'csv', path: `s3://${server.bucket}/stats/?.c*` })
    expect(await materialize()).toMatchObject({ importedRows: 2 })
    expect(await materialize()).toMatchObject({ importedRows: 0 })
    await put('stats/b.csv', CSV.replace('1,10', '2,21').replace(':00Z', ':01Z'))
    expect(await materialize()).toMatchObject({ importedRows: 1 })
    expect(await trips()).toEqual([10, 21])
    await declare({ kind: 'csv', path: `s3://${server.bucket}/nothing/*` })
    await expect(materialize()).rejects.toThrow(/view "stats".*there is no object s3:/)
  })
})

test('of several files all are taken in, or none', async () => {
  await writeFile(join(features.dir, 'a.csv'), CSV)
  await writeFile(join(features.dir, 'b.csv'), CSV.replace(',10,', ',ten,'))
  await declare({ kind: 'csv', path: join(features.dir, '*.csv') })
  await expect(materialize()).rejects.toThrow(
    /Source of view "stats" \(.*b\.csv\): feature "trips" has the value ten, which is not int64/
  )
  expect(rowsIn()).toBe(0)
  await writeFile(join(features.dir, 'b.csv'), CSV.replace('1,10', '2,7'))
  expect(await materialize()).toMatchObject({ importedRows: 2 })
})

test('files outside of the root folder are refused, whatever way leads there', async () => {
  const rooted = await openTestFeatures({ sourceRoot: features.dir })
  await writeFile(join(rooted.dir, 'secret.csv'), CSV)
  await symlink(join(rooted.dir, 'secret.csv'), join(features.dir, 'link.csv'))
  await writeFile(join(features.dir, 'fine.csv'), CSV)
  const read = async (path: string) => {
    await rooted.apply({
      entities: [{ name: 'driver', keys: [{ name: 'driver_id', type: 'int64' }] }],
      views: [
        {
          name: 'stats',
          entities: ['driver'],
          features: [{ name: 'trips', type: 'int64' }],
          batch: { kind: 'csv', path },
        },
      ],
    })
    return materialize(rooted.store)
  }
  for (const path of [join(rooted.dir, '*.csv'), '../*/secret.csv', 'link.csv'])
    await expect(read(path)).rejects.toThrow(/view "stats".*lies outside.*TRESTLE_SOURCE_ROOT/)
  expect(await read('fine.csv')).toMatchObject({ importedRows: 1 })
  await rooted.close()
})

test('a file that changes while it is read is noticed', async () => {
  const path = join(features.dir, 'moving.csv')
  await writeFile(path, CSV)
  const duckdb = createDuckDb({ temporaryDir: features.dir, memoryLimit: '200MB', threads: 1 })
  const files = createSourceFiles({
    root: createSourceRoot(null),
    s3: openS3({ region: 'us-east-1', endpoint: null, credentials: null }),
    postgres: createPostgresSources({ urls: new Map(), duckdb }),
    duckdb,
    temporaryDir: features.dir,
  })
  const opened = await files.open({ kind: 'csv', path })
  await opened.checkUnchanged()
  await writeFile(path, `${CSV}2,20,2025-12-31T10:00:00Z\n`)
  await expect(opened.checkUnchanged()).rejects.toThrow('changed while it was read')
  await duckdb.stop()
})

test('a push that comes while files are read knows that rows before it are still to come', () => {
  const log = createOfflineLog(join(features.dir, 'race.db'))
  const first = log.reserveFor(1, 10)
  const row = { eventUs: 1, createdUs: 1, packed: '[]' }
  expect(log.append([{ storage: 1, rows: [row] }], 0)).toEqual([
    { first: first + 10, previous: first + 9 },
  ])
  log.close()
})
