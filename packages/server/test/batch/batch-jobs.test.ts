import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient, type TrestleClient } from '@trestle/sdk'
import type { BatchJob } from '@trestle/contract'
import { startServing, type TestServer } from '../../src/modules/serving/test/fixtures.ts'
import type { InferenceCompleted } from '../../src/modules/serving/index.ts'
import type { DuckDb } from '../../src/platform/duckdb/index.ts'
import { payments, testDuckDb } from './tables.ts'

let dir: string
let duckdb: DuckDb
let server: TestServer
let client: TrestleClient
const told: InferenceCompleted[] = []

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'trestle-batch-'))
  duckdb = testDuckDb(join(dir, 'duckdb'))
  server = await startServing({ onCompleted: (event) => void told.push(event) })
  client = createClient({ url: server.url })
  await duckdb.run(
    `COPY (SELECT * FROM ${payments(10_000)}) TO '${dir}/in.parquet' (FORMAT parquet, ROW_GROUP_SIZE 2048)`
  )
  await duckdb.run(`COPY (SELECT * FROM ${payments(10_000)}) TO '${dir}/in.csv' (FORMAT csv)`)
  await duckdb.run(`COPY (SELECT * FROM ${payments(10_000)}) TO '${dir}/in.ndjson' (FORMAT json)`)
})
afterAll(async () => {
  await server.stop()
  await duckdb.stop()
  await rm(dir, { recursive: true, force: true })
})

type Asked = Parameters<TrestleClient['batch']['createJob']>[0]

async function ended(id: string): Promise<BatchJob> {
  for (let i = 0; i < 300; i++) {
    const job = await client.batch.getJob({ id })
    if (['done', 'failed', 'cancelled'].includes(job.state)) return job
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`${id} did not end`)
}
const run = async (asked: Asked): Promise<BatchJob> =>
  ended((await client.batch.createJob(asked)).id)

const scoredRows = (folder: string, format = 'parquet'): Promise<Record<string, unknown>[]> =>
  duckdb.rows(`SELECT * FROM '${folder}/part-*.${format}' ORDER BY id`)

test.each(['parquet', 'csv', 'ndjson'])(
  'a %s file comes out with every row once, in its order, beside what the model says online',
  async (kind) => {
    told.length = 0
    const out = join(dir, `out-${kind}`)
    const job = await run({
      model: 'fraud/1',
      input: { path: join(dir, `in.${kind}`) },
      output: { path: out },
      shardRows: 3_000,
      batchRows: 700,
      isLogged: true,
    })
    expect(job).toMatchObject({ state: 'done', error: null, shards: { total: 4, done: 4 } })
    expect(job.rows).toEqual({ total: 10_000, done: 10_000, failed: 0 })
    const rows = await scoredRows(out)
    expect(rows.length).toBe(10_000)
    expect(rows.map((row) => Number(row['id']))).toEqual(
      Array.from({ length: 10_000 }, (_, i) => i)
    )
    expect(await readdir(out)).not.toContain('_trestle')
    const manifest = JSON.parse(await readFile(join(out, '_manifest.json'), 'utf8')) as {
      rows: number
      files: unknown[]
    }
    expect(manifest.rows).toBe(10_000)
    expect(manifest.files.length).toBe(4)

    await server.send('POST', '/api/endpoints', { name: `e-${kind}`, model: 'fraud/1' })
    const at = 4_321
    const row = rows[at] ?? {}
    const online = await server.send('POST', `/endpoints/e-${kind}/predict`, {
      amount: Number(row['amount']),
      age: Number(row['age']),
      score: Number(row['score']),
    })
    expect(online.status).toBe(200)
    const names = Object.keys(row).slice(5)
    expect(names.length).toBeGreaterThan(0)
    const events = told.filter((event) => event.requestId === job.id)
    expect(events.reduce((sum, event) => sum + event.rows, 0)).toBe(10_000)
    const column = names[0] ?? ''
    const values = events.flatMap((event) =>
      Array.from(event.outputs.find((o) => o.name === column)?.values ?? [])
    )
    expect(values[at]).toBe(row[column])
    expect(JSON.stringify(online.json)).toContain(String(row[column]).slice(0, 6))
  }
)

test('columns are mapped, a query is an input, and an idempotency key gives the same job', async () => {
  const asked: Asked = {
    model: 'fraud/1',
    input: {
      query: `SELECT id, amount AS sum, age, score FROM '${dir}/in.parquet' WHERE id < 500`,
    },
    output: { path: join(dir, 'out-query'), format: 'csv' },
    columns: { amount: 'sum' },
    passThrough: ['id'],
    idempotencyKey: 'nightly-1',
  }
  const first = await client.batch.createJob(asked)
  const again = await client.batch.createJob(asked)
  expect(again.id).toBe(first.id)
  await expect(client.batch.createJob({ ...asked, batchRows: 5 })).rejects.toThrow(/idempotency/)
  expect((await ended(first.id)).state).toBe('done')
  const rows = await scoredRows(join(dir, 'out-query'), 'csv')
  expect(rows.length).toBe(500)
  expect(Object.keys(rows[0] ?? {})[0]).toBe('id')
})

test('rows that fail lie beside the others with their reason; too many stop the job', async () => {
  await duckdb.run(
    `COPY (SELECT id, CASE WHEN id % 1000 = 3 THEN 'lots' ELSE amount::VARCHAR END AS amount, age, score FROM ${payments(4_000)}) TO '${dir}/bad.parquet' (FORMAT parquet)`
  )
  const asked = { model: 'fraud/1', input: { path: join(dir, 'bad.parquet') } }
  const job = await run({ ...asked, output: { path: join(dir, 'out-bad') }, shardRows: 1_500 })
  expect(job).toMatchObject({ state: 'done', rows: { total: 4_000, done: 4_000, failed: 4 } })
  expect((await scoredRows(join(dir, 'out-bad'))).length).toBe(3_996)
  const failed = await duckdb.rows(
    `SELECT * FROM '${dir}/out-bad/failed/part-*.parquet' ORDER BY input_row`
  )
  expect(failed.map((row) => Number(row['input_row']))).toEqual([3, 1_003, 2_003, 3_003])
  expect(failed[0]?.['error']).toBe('column "amount" must be FP32, not lots')

  const stopped = await run({
    ...asked,
    output: { path: join(dir, 'out-stopped') },
    maxFailedRows: 2,
  })
  expect(stopped.state).toBe('failed')
  expect(stopped.error).toMatch(/More than 2 rows failed/)
  expect(await readdir(join(dir, 'out-stopped'))).toEqual(['_trestle'])
})

test('what is wrong is named, and nothing is half-published', async () => {
  const output = { path: join(dir, 'out-wrong') }
  const refused = (asked: Asked) =>
    client.batch.createJob(asked).then(
      () => 'taken',
      (error: unknown) => (error as Error).message
    )
  await duckdb.run(`COPY (SELECT * FROM ${payments(50_000)}) TO '${dir}/cut.parquet'`)
  await truncate(join(dir, 'cut.parquet'), 20_000)
  expect(
    await refused({ model: 'fraud/1', input: { path: join(dir, 'cut.parquet') }, output })
  ).toMatch(/cut\.parquet.*(Parquet|magic|footer)/i)
  expect(
    await refused({ model: 'fraud/1', input: { path: join(dir, 'no.parquet') }, output })
  ).toMatch(/no\.parquet/)
  expect(
    await refused({ model: 'missing/1', input: { path: join(dir, 'in.parquet') }, output })
  ).toMatch(/missing/)
  await mkdir(join(dir, 'full'))
  await writeFile(join(dir, 'full', 'x'), '')
  expect(
    await refused({
      model: 'fraud/1',
      input: { path: join(dir, 'in.parquet') },
      output: { path: join(dir, 'full') },
    })
  ).toMatch(/full is not empty/)

  const noColumn = await run({
    model: 'fraud/1',
    input: { query: `SELECT id, amount, age FROM '${dir}/in.parquet'` },
    output: { path: join(dir, 'out-no-column') },
  })
  expect(noColumn.error).toMatch(/no column "score", which fraud\/1 needs; it has id, amount, age/)

  const lines = Array.from({ length: 60_000 }, (_, i) => `${i},${i},30,0.5`)
  lines[54_321] = '54321,many,30,0.5'
  await writeFile(join(dir, 'deep.csv'), ['id,amount,age,score', ...lines].join('\n'))
  const deep = await run({
    model: 'fraud/1',
    input: { path: join(dir, 'deep.csv') },
    output: { path: join(dir, 'out-deep') },
  })
  expect(deep.error).toMatch(/deep\.csv.*54323.*many/)
  for (const folder of ['out-no-column', 'out-deep'])
    expect(await readdir(join(dir, folder))).toEqual(['_trestle'])
})

test('a job pauses, goes on, and is cancelled without leaving anything', async () => {
  await duckdb.run(`COPY (SELECT * FROM ${payments(100_000)}) TO '${dir}/long.parquet'`)
  const asked = { model: 'fraud/1', input: { path: join(dir, 'long.parquet') }, batchRows: 64 }
  const { id } = await client.batch.createJob({
    ...asked,
    output: { path: join(dir, 'out-paused') },
    shardRows: 10_000,
  })
  const until = async (is: (job: BatchJob) => boolean): Promise<BatchJob> => {
    for (;;) {
      const job = await client.batch.getJob({ id })
      if (is(job)) return job
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  await until((job) => job.shards.done >= 1)
  expect((await client.batch.pauseJob({ id })).state).toBe('paused')
  await expect(client.batch.pauseJob({ id })).rejects.toThrow(/paused/)
  expect((await client.batch.resumeJob({ id })).state).toBe('running')
  expect((await ended(id)).state).toBe('done')
  expect((await scoredRows(join(dir, 'out-paused'))).length).toBe(100_000)

  const other = await client.batch.createJob({
    ...asked,
    output: { path: join(dir, 'out-cancelled') },
  })
  expect((await client.batch.cancelJob({ id: other.id })).state).toBe('cancelled')
  expect(await readdir(join(dir, 'out-cancelled'))).toEqual([])
})

test('a job on an endpoint’s model leaves the endpoint’s own numbers and rows alone', async () => {
  await server.send('POST', '/api/endpoints', { name: 'fraud', model: 'fraud/1' })
  await client.predict('fraud', { amount: 1, age: 1, score: 1 })
  for (const by of [{ model: 'fraud/1' }, { endpoint: 'fraud' }]) {
    const out = join(dir, `beside-${Object.keys(by).join()}`)
    const job = await run({
      ...by,
      input: { path: join(dir, 'in.parquet') },
      output: { path: out },
    })
    expect(job).toMatchObject({ state: 'done', error: null })
  }
  const requests = async () => {
    const { items } = await client.monitoring.listArms({ endpoint: 'fraud', from: 0 })
    return items.map((arm) => [arm.variant, arm.requests])
  }
  await expect.poll(requests).toEqual([['v1', 1]])
  const rows = await client.monitoring.listPredictions({ endpoint: 'fraud', limit: 100 })
  expect(rows.items.length).toBe(1)
})
