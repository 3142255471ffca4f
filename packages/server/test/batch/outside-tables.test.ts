import { createWriteStream } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createClient, type TrestleClient } from '@trestle/sdk'
import type { BatchJob } from '@trestle/contract'
import pg from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { startServing, type TestServer } from '../../src/modules/serving/test/fixtures.ts'
import { arrowBytes, arrowIntoTable } from '../../src/platform/arrow/index.ts'
import type { DuckDb } from '../../src/platform/duckdb/index.ts'
import { openS3, type S3 } from '../../src/platform/s3/index.ts'
import { createPostgres } from '../support/databases.ts'
import { hasS3, startS3, type TestS3 } from '../support/s3-server.ts'
import { payments, testDuckDb } from './tables.ts'

let dir: string
let duckdb: DuckDb
let bucket: TestS3 | null = null
let database: { url: string; remove: () => Promise<void> } | null = null
let server: TestServer
let client: TrestleClient
const ROWS = 5_000

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'trestle-outside-'))
  duckdb = testDuckDb(join(dir, 'duckdb'))
  bucket = hasS3() ? await startS3() : null
  const postgres = inject('postgresUrl')
  database = postgres === null ? null : await createPostgres(postgres)
  server = await startServing(
    {},
    { ...bucket?.env, ...(database === null ? {} : { TRESTLE_SOURCE_WAREHOUSE: database.url }) }
  )
  client = createClient({ url: server.url })
  await duckdb.run(`COPY (SELECT * FROM ${payments(ROWS)}) TO '${dir}/in.parquet' (FORMAT parquet)`)
  await duckdb.use((connection) =>
    pipeline(
      Readable.from(arrowBytes(connection, `SELECT * FROM ${payments(ROWS)}`, 'file')),
      createWriteStream(join(dir, 'in.arrow'))
    )
  )
  await run({ input: { path: join(dir, 'in.parquet') }, output: { path: join(dir, 'plain') } })
})
afterAll(async () => {
  await server.stop()
  await duckdb.stop()
  await bucket?.stop()
  await database?.remove()
  await rm(dir, { recursive: true, force: true })
})

type Asked = Parameters<TrestleClient['batch']['createJob']>[0]

async function run(asked: Omit<Asked, 'model'>): Promise<BatchJob> {
  const { id } = await client.batch.createJob({ model: 'fraud/1', shardRows: 2_000, ...asked })
  for (let i = 0; i < 600; i++) {
    const job = await client.batch.getJob({ id })
    if (job.state === 'failed') throw new Error(job.error ?? 'it failed')
    if (job.state === 'done') return job
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('the job did not end')
}

/** What the same rows gave from a Parquet file on this machine. */
async function expectAsPlain(query: string): Promise<void> {
  const plain = `SELECT * FROM '${dir}/plain/part-*.parquet'`
  const [found] = await duckdb.rows(
    `SELECT (SELECT count(*) FROM (${query}))::INT AS n, (SELECT count(*) FROM ((${query}) EXCEPT ALL (${plain})))::INT AS other`
  )
  expect(found).toEqual({ n: ROWS, other: 0 })
}

test('an Arrow file is scored into Arrow files', async () => {
  const out = join(dir, 'out-arrow')
  await run({ input: { path: join(dir, 'in.arrow') }, output: { path: out, format: 'arrow' } })
  const parts = (await readdir(out)).filter((name) => name.endsWith('.arrow')).toSorted()
  expect(parts.length).toBe(3)
  await duckdb.use(async (connection) => {
    for (const [i, part] of parts.entries()) {
      await arrowIntoTable(connection, join(out, part), `part_${i}`)
      await connection.run(`COPY part_${i} TO '${dir}/back-${i}.parquet' (FORMAT parquet)`)
    }
  })
  await expectAsPlain(`SELECT * FROM '${dir}/back-*.parquet'`)
})

test.skipIf(!hasS3())('objects of a bucket are scored into a bucket', async () => {
  if (bucket === null) throw new Error('no bucket')
  const s3: S3 = openS3({
    region: 'us-east-1',
    endpoint: bucket.endpoint,
    credentials: {
      accessKeyId: bucket.env['AWS_ACCESS_KEY_ID'] ?? '',
      secretAccessKey: bucket.env['AWS_SECRET_ACCESS_KEY'] ?? '',
    },
  })
  const at = `s3://${bucket.bucket}`
  await s3.write(`${at}/data/in.parquet`, Readable.from([await readFile(join(dir, 'in.parquet'))]))
  await s3.write(`${at}/data/other.txt`, Readable.from([Buffer.from('no table')]))
  const output = { path: `${at}/scored` }
  await run({ input: { path: `${at}/data/*.parquet` }, output })
  const names: string[] = []
  await mkdir(join(dir, 'fetched'))
  for await (const { url } of s3.list(`${at}/scored/`)) {
    names.push(url.split('/').at(-1) ?? '')
    await s3.fetchTo(url, join(dir, 'fetched', names.at(-1) ?? ''))
  }
  expect(names).toEqual(['_manifest.json', ...[0, 1, 2].map((i) => `part-0000${i}.parquet`)])
  await expectAsPlain(`SELECT * FROM '${dir}/fetched/part-*.parquet'`)
  await expect(run({ input: { path: `${at}/data/in.parquet` }, output })).rejects.toThrow(
    /scored is not empty/
  )
  await expect(
    run({ input: { path: `${at}/none/*.parquet` }, output: { path: join(dir, 'out-none') } })
  ).rejects.toThrow(/none\/\*\.parquet: there is no such object/)
  await s3.stop()
})

test.skipIf(inject('postgresUrl') === null)('a table of PostgreSQL is scored', async () => {
  const warehouse = new pg.Client({ connectionString: database?.url ?? '' })
  await warehouse.connect()
  const rows = await duckdb.rows(`SELECT * FROM ${payments(ROWS)}`)
  await warehouse.query(
    'CREATE TABLE payments AS SELECT * FROM json_to_recordset($1) AS r(id int8, amount float8, age float8, score float8)',
    [
      JSON.stringify(rows, (_key, value: unknown) =>
        typeof value === 'bigint' ? Number(value) : value
      ),
    ]
  )
  await warehouse.end()
  const out = join(dir, 'out-postgres')
  const table = { connection: 'warehouse', table: 'payments' }
  await run({ input: table, output: { path: out } })
  const [first] = await duckdb.rows(`DESCRIBE SELECT * FROM '${dir}/plain/part-*.parquet'`)
  expect(first?.['column_name']).toBe('id')
  const [same] = await duckdb.rows(
    `SELECT count(*)::INT AS n FROM '${out}/part-*.parquet' a JOIN '${dir}/plain/part-*.parquet' b USING (id) WHERE a.amount::FLOAT = b.amount::FLOAT`
  )
  expect(same).toEqual({ n: ROWS })
  await expect(
    run({ input: { ...table, table: 'nothing' }, output: { path: join(dir, 'out-nothing') } })
  ).rejects.toThrow(/warehouse\.nothing.*"nothing".*exist/)
})
