import { mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@trestle/sdk'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { fixture } from '../../src/modules/serving/test/fixtures.ts'
import type { DuckDb } from '../../src/platform/duckdb/index.ts'
import { createPostgres } from '../support/databases.ts'
import { spawnServer } from '../support/process.ts'
import { fingerprint, payments, testDuckDb } from './tables.ts'

/** Set it for the long proof: `TRESTLE_KILLS=20`. */
const KILLS = Number(process.env['TRESTLE_KILLS'] ?? '2')
const ROWS = 40_000

let dir: string
let duckdb: DuckDb
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'trestle-batch-kills-'))
  duckdb = testDuckDb(join(dir, 'duckdb'))
  await duckdb.run(`COPY (SELECT * FROM ${payments(ROWS)}) TO '${dir}/in.parquet'`)
})
afterAll(async () => {
  await duckdb.stop()
  await rm(dir, { recursive: true, force: true })
})

const job = (out: string) => ({
  model: 'fraud/1',
  input: { path: join(dir, 'in.parquet') },
  output: { path: join(dir, out) },
  inputColumns: ['amount', 'age', 'score'],
  shardRows: 5_000,
  batchRows: 200,
})

async function register(url: string): Promise<void> {
  await createClient({ url }).uploadModel('fraud', await readFile(fixture('fraud-1')))
}

async function ended(url: string, id: string): Promise<void> {
  const client = createClient({ url })
  for (let i = 0; i < 1_500; i++) {
    const { state, error } = await client.batch.getJob({ id })
    if (state === 'done') return
    if (state === 'failed') throw new Error(error ?? 'it failed')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error('the job did not end')
}

test(
  `a server that is killed ${KILLS} times leaves the output of one that was not`,
  { timeout: 60_000 + KILLS * 20_000 },
  async () => {
    const settings = { TRESTLE_BATCH_LEASE_MS: '1000' }
    const data = join(dir, 'data')
    let server = await spawnServer(data, settings)
    await register(server.url)
    const client = createClient({ url: server.url })
    const whole = await client.batch.createJob(job('whole'))
    await ended(server.url, whole.id)

    let cut = await client.batch.createJob(job('cut'))
    for (let kill = 0; kill < KILLS; kill++) {
      // Not a clock that all runs share: where the worker dies is another point each time.
      await new Promise((resolve) => setTimeout(resolve, 50 + ((kill * 331) % 900)))
      await server.kill('SIGKILL')
      server = await spawnServer(data, settings)
      const seen = createClient({ url: server.url })
      const now = await seen.batch.getJob({ id: cut.id })
      if (now.state === 'done') {
        expect(await fingerprint(duckdb, join(dir, 'cut'))).toEqual(
          await fingerprint(duckdb, join(dir, 'whole'))
        )
        await rm(join(dir, 'cut'), { recursive: true })
        cut = await seen.batch.createJob(job('cut'))
      }
    }
    await ended(server.url, cut.id)
    await server.kill('SIGKILL')
    const expected = await fingerprint(duckdb, join(dir, 'whole'))
    expect(expected).toMatchObject({ n: BigInt(ROWS), ids: BigInt(ROWS) })
    expect(await fingerprint(duckdb, join(dir, 'cut'))).toEqual(expected)
  }
)

test.skipIf(inject('postgresUrl') === null)(
  'two servers on one PostgreSQL share a job, and go on when one of them dies',
  { timeout: 60_000 },
  async () => {
    const database = await createPostgres(inject('postgresUrl') ?? '')
    const settings = { DATABASE_URL: database.url, TRESTLE_BATCH_LEASE_MS: '1000' }
    const one = await spawnServer(join(dir, 'one'), settings)
    await register(one.url)
    // The second finds the first's models, as it would in one bucket.
    await mkdir(join(dir, 'one-more'))
    await symlink(join(dir, 'one', 'blobs'), join(dir, 'one-more', 'blobs'))
    const two = await spawnServer(join(dir, 'one-more'), settings)
    try {
      const client = createClient({ url: one.url })
      const { id } = await client.batch.createJob({ ...job('shared'), batchRows: 50 })
      for (;;) {
        const { shards, error } = await client.batch.getJob({ id })
        if (error !== null) throw new Error(error)
        if (shards.done >= 2) break
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      await one.kill('SIGKILL')
      await ended(two.url, id)
      expect(await fingerprint(duckdb, join(dir, 'shared'))).toMatchObject({
        n: BigInt(ROWS),
        ids: BigInt(ROWS),
      })
    } finally {
      await one.kill('SIGKILL')
      await two.kill('SIGKILL')
      await database.remove()
    }
  }
)
