import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createManualClock } from '../../../kernel/clock.ts'
import { silentLogger } from '../../../platform/telemetry/logger.ts'
import { createDuckDb, type DuckDb } from '../../../platform/duckdb/index.ts'
import { createInferenceLog, type InferenceLog } from './inference-log.ts'
import { LOG_EVERYTHING, type LogSettings } from './privacy.ts'
import { sampleEvent } from '../test/sample-event.ts'
import type { LoggedInference } from './record.ts'
import type { WriteAheadLimits } from './write-ahead-log.ts'

const START = 1_795_459_210_948
const HOUR = 3_600_000

let directory: string
let duckdb: DuckDb
let clock: ReturnType<typeof createManualClock>

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'trestle-log-'))
  duckdb = createDuckDb({
    temporaryDir: join(directory, 'tmp'),
    memoryLimit: '256MB',
    threads: 1,
  })
  clock = createManualClock(START)
})
afterEach(async () => {
  await duckdb.stop()
  await rm(directory, { recursive: true, force: true })
})

async function openLog(
  over: { settings?: LogSettings; limits?: Partial<WriteAheadLimits>; retentionDays?: number } = {}
): Promise<InferenceLog> {
  const log = createInferenceLog({
    directory,
    clock,
    log: silentLogger(),
    duckdb,
    settingsOf: () => over.settings ?? LOG_EVERYTHING,
    retentionDaysOf: () => over.retentionDays ?? 30,
    ...(over.limits === undefined ? {} : { limits: over.limits }),
  })
  await log.open()
  return log
}

const all = { filter: { project: 'default' }, order: 'newest', after: null, limit: 1000 } as const

async function replayed(log: InferenceLog, after = 0): Promise<LoggedInference[]> {
  const events: LoggedInference[] = []
  for await (const event of log.replay(after)) events.push(event)
  return events
}

test('a row reads the same from the raw tail, from Parquet and after a merge', async () => {
  const log = await openLog()
  const event = sampleEvent({
    rows: 3,
    entities: { user: 7n ** 20n, region: 'eu' },
    inputs: [
      { name: 'amount', type: 'float', values: [1.5, NaN, -Infinity] },
      { name: 'it\'s "odd"', type: 'string', values: ['a', '', null] },
      { name: 'big', type: 'int', values: [2n ** 60n, 5, null] },
      { name: 'flag', type: 'bool', values: [true, false, null] },
    ],
  })
  log.append(event)
  await log.flush()
  const raw = await log.rows(all)
  expect(raw.map((row) => row.predictionId)).toEqual(['p1.2', 'p1.1', 'p1.0'])
  expect(raw[2]?.inputs).toEqual({ amount: 1.5, 'it\'s "odd"': 'a', big: 2n ** 60n, flag: true })

  await log.maintain({ force: true })
  expect(log.state().unconverted).toBe(0)
  // A 64-bit entity key is text once it has been through Parquet's JSON column.
  const entities = { user: String(7n ** 20n), region: 'eu' }
  expect(await log.rows(all)).toEqual(raw.map((row) => ({ ...row, entities })))

  log.append(
    sampleEvent({ predictionId: 'p2', inputs: [{ name: 'amount', type: 'int', values: [4] }] })
  )
  await log.maintain({ force: true })
  clock.advance(3 * HOUR)
  await log.maintain({ force: true })
  const merged = await log.rows(all)
  expect(merged.map((row) => row.predictionId)).toEqual(['p2', 'p1.2', 'p1.1', 'p1.0'])
  expect(merged[0]?.inputs['amount']).toBe(4)
  expect(merged[2]?.inputs['amount']).toBeNaN()
  await log.close()
})

test('pages meet without gaps or repeats across the tail and Parquet', async () => {
  const log = await openLog()
  for (let i = 0; i < 50; i++) {
    log.append(
      sampleEvent({ predictionId: `p${String(i).padStart(3, '0')}`, at: START + (i >> 2) })
    )
    if (i % 12 === 11) await log.maintain({ force: true })
  }
  await log.flush()
  for (const order of ['newest', 'oldest'] as const) {
    const seen: string[] = []
    for (;;) {
      const last = seen.at(-1)
      const after =
        last === undefined ? null : { at: START + (Number(last.slice(1)) >> 2), predictionId: last }
      const page = await log.rows({ ...all, order, after, limit: 7 })
      if (page.length === 0) break
      seen.push(...page.map((row) => row.predictionId))
    }
    const expected = Array.from({ length: 50 }, (_, i) => `p${String(i).padStart(3, '0')}`)
    expect(seen).toEqual(order === 'oldest' ? expected : expected.toReversed())
  }
  await log.close()
})

test('sequence numbers go on over restarts, also when every segment was converted', async () => {
  let log = await openLog()
  for (const id of ['a', 'b']) log.append(sampleEvent({ predictionId: id }))
  await log.close()
  log = await openLog()
  log.append(sampleEvent({ predictionId: 'c' }))
  await log.maintain({ force: true })
  await log.maintain({ force: true })
  await log.close()
  log = await openLog()
  log.append(sampleEvent({ predictionId: 'd' }))
  await log.flush()
  const tail = await replayed(log, 2)
  expect(tail.map((e) => [e.sequence, e.event.predictionId])).toEqual([
    [3, 'c'],
    [4, 'd'],
  ])
  expect((await log.rows(all)).map((row) => row.predictionId).toSorted()).toEqual([
    'a',
    'b',
    'c',
    'd',
  ])
  await log.close()
})

test('a segment stays while a reader has not passed it', async () => {
  const log = await openLog()
  let cursor = 0
  log.holdBack('ledger', () => cursor)
  for (const id of ['a', 'b', 'c']) {
    log.append(sampleEvent({ predictionId: id }))
    await log.maintain({ force: true })
  }
  expect((await replayed(log)).map((e) => e.sequence)).toEqual([1, 2, 3])
  cursor = 2
  await log.maintain({ force: true })
  expect((await replayed(log)).map((e) => e.sequence)).toEqual([3])
  await log.close()
})

test('a torn or rotten line ends its segment and harms nothing else', async () => {
  let log = await openLog()
  log.append(sampleEvent({ predictionId: 'a' }))
  await log.close()
  const [name] = await readdir(join(directory, 'wal'))
  await appendFile(
    join(directory, 'wal', name ?? ''),
    '0000abcd {"predictionId":"x"}\n12345678 {"pre'
  )
  log = await openLog()
  log.append(sampleEvent({ predictionId: 'b' }))
  await log.flush()
  expect((await replayed(log)).map((e) => [e.sequence, e.event.predictionId])).toEqual([
    [1, 'a'],
    [2, 'b'],
  ])
  await log.close()
})

test('when the disk cannot keep up, events are dropped, counted and still told of', async () => {
  const log = await openLog({ limits: { maxPendingEvents: 3 } })
  const told: (number | null)[] = []
  log.logged.subscribe(({ sequence }) => told.push(sequence))
  for (let i = 0; i < 5; i++) log.append(sampleEvent({ predictionId: `p${i}` }))
  await log.flush()
  expect(log.state()).toMatchObject({ dropped: 2, lastCommitted: 3, pending: 0 })
  expect(told).toEqual([null, null, 1, 2, 3])
  await log.close()
})

test('masked columns and payloads outside the sample never reach the disk', async () => {
  const settings: LogSettings = { samplingRate: 0.5, masks: { amount: 'drop', user: 'hash' } }
  const log = await openLog({ settings })
  for (let i = 0; i < 200; i++)
    log.append(sampleEvent({ predictionId: `p${i}`, stickyKey: 'u1', entities: { user: 'u1' } }))
  await log.flush()
  const events = await replayed(log)
  expect(events.length).toBe(200)
  expect(JSON.stringify(events)).not.toMatch(/"u1"|12\.5/)
  const rows = await log.rows(all)
  expect(rows.length).toBeGreaterThan(60)
  expect(rows.length).toBeLessThan(140)
  expect(new Set(rows.map((row) => row.entities['user'])).size).toBe(1)
  await log.close()
})

test('an hour past its retention is removed', async () => {
  const log = await openLog({ retentionDays: 1 })
  log.append(sampleEvent())
  await log.maintain({ force: true })
  clock.advance(26 * HOUR)
  await log.maintain({ force: true })
  expect(await log.rows(all)).toEqual([])
  await log.close()
})

test('kill -9 loses at most the last 100 ms, and nothing is there twice', async () => {
  const child = spawn(
    process.execPath,
    [
      '--conditions=@trestle/source',
      join(import.meta.dirname, '..', 'test', 'crash-writer.ts'),
      directory,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] }
  )
  const told: { n: number; at: number }[] = []
  const enough = Promise.withResolvers<undefined>()
  child.stdout.on('data', (chunk: Buffer) => {
    for (const line of chunk.toString().split('\n')) {
      const [n, at] = line.split(' ').map(Number)
      if (n !== undefined && at !== undefined) told.push({ n, at })
    }
    if ((told.at(-1)?.n ?? 0) > 2_000) enough.resolve(undefined)
  })
  await enough.promise
  child.kill('SIGKILL')
  await once(child, 'close')

  const last = told.at(-1)
  const promised = told.findLast((t) => t.at <= (last?.at ?? 0) - 100)
  const log = await openLog()
  const ids = (await replayed(log)).map((e) => e.event.predictionId)
  expect(ids).toEqual(Array.from({ length: ids.length }, (_, i) => `p${i + 1}`))
  expect(ids.length).toBeGreaterThanOrEqual(promised?.n ?? Infinity)
  await log.close()
})
