import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { driftDocument, type DriftDocument } from '@trestle/contract'
import { createRng } from '@trestle/stats'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { quoteText } from '../../../platform/database/index.ts'
import { createDuckDb } from '../../../platform/duckdb/index.ts'
import { gauss } from '../test/drift-world.ts'
import { compareFiles, filesRequest, saveReference } from './compare-files.ts'
import { renderPage } from './html/page.ts'
import { toJunit } from './junit.ts'

let folder: string
let duckdb: ReturnType<typeof createDuckDb>
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trestle-report-test-'))
  duckdb = createDuckDb({ temporaryDir: join(folder, 'spill'), memoryLimit: '1GB', threads: 1 })
})
afterAll(async () => {
  await duckdb.stop()
  await rm(folder, { recursive: true, force: true })
})

const at = (name: string) => join(folder, name)

async function table(name: string, sql: string): Promise<string> {
  const format = name.endsWith('.csv') ? 'csv' : name.endsWith('.ndjson') ? 'json' : 'parquet'
  await duckdb.run(`COPY (${sql}) TO ${quoteText(at(name))} (FORMAT ${format})`)
  return at(name)
}

const compare = (request: { reference: string; current: string } & Record<string, unknown>) =>
  duckdb.use((connection) =>
    compareFiles(connection, filesRequest.parse(request), 1_795_000_000_000)
  )

/** Rows of numbers, categories and truth values that no engine makes differently. */
async function rowsFile(name: string, seed: number, shift: number): Promise<string> {
  const rng = createRng(seed)
  const rows = Array.from({ length: 3_000 }, () => ({
    x: gauss(rng) + shift,
    y: gauss(rng),
    few: Math.floor(rng() * 4),
    name: rng() < 0.5 + shift / 2 ? 'a' : 'b',
    is: rng() < 0.3,
    gap: rng() < 0.1 ? null : gauss(rng),
    group: rng() < 0.5 ? 'left' : 'right',
  }))
  const path = at(`${name}.ndjson`)
  await writeFile(path, rows.map((row) => JSON.stringify(row)).join('\n'))
  return path
}

const state = (report: DriftDocument, name: string) =>
  report.columns.find(({ column }) => column === name)

test('Parquet, CSV and NDJSON of the same rows give the same report, and so does a saved reference', async () => {
  const [before, now] = [await rowsFile('before', 1, 0), await rowsFile('now', 2, 0.6)]
  const report = await compare({ reference: before, current: now })
  expect(driftDocument.parse(JSON.parse(JSON.stringify(report)))).toEqual(report)
  expect(report).toMatchObject({
    state: 'drift',
    driftedColumns: ['name', 'x'],
    reference: { name: 'before.ndjson', rows: 3000 },
    current: { name: 'now.ndjson', rows: 3000 },
  })
  for (const ending of ['csv', 'parquet']) {
    const select = (path: string) => `SELECT * FROM read_json(${quoteText(path)})`
    const other = await compare({
      reference: await table(`before.${ending}`, select(before)),
      current: await table(`now.${ending}`, select(now)),
    })
    expect(other.columns, ending).toEqual(report.columns)
  }
  const saved = await duckdb.use((connection) => saveReference(connection, before))
  await writeFile(at('saved.json'), JSON.stringify(saved))
  expect((await compare({ reference: at('saved.json'), current: now })).columns).toEqual(
    report.columns
  )
})

test('bad columns each have a stated result, and harm no other', async () => {
  const good = 'CAST(range AS DOUBLE) * 0.5 AS good'
  const reference = await table(
    'bad-before.parquet',
    `SELECT ${good}, NULL::DOUBLE AS empty, 7 AS same, 0.5 AS same_fraction, sqrt(range) AS gone,
       sqrt(range) AS mixed, CASE WHEN range % 50 = 0 THEN 'inf'::DOUBLE ELSE sqrt(range) END AS infinite,
       'id' || range AS many, DATE '2026-01-01' AS day, {'a': 1} AS nested, sqrt(range) AS became_empty
     FROM range(2000)`
  )
  const current = await table(
    'bad-now.parquet',
    `SELECT ${good}, NULL::DOUBLE AS empty, 7 AS same, 0.5 AS same_fraction,
       CASE WHEN range % 4 = 0 THEN 'n/a' ELSE CAST(sqrt(range) AS VARCHAR) END AS mixed,
       CASE WHEN range % 50 = 0 THEN 'inf'::DOUBLE ELSE sqrt(range) END AS infinite,
       'id' || (range + 500) AS many, DATE '2026-02-01' AS day, {'a': 1} AS nested, NULL::DOUBLE AS became_empty, 1 AS fresh
     FROM range(2000)`
  )
  const report = await compare({ reference, current })
  expect(
    Object.fromEntries(report.columns.map((c) => [c.column, `${c.state}: ${c.finding}`]))
  ).toEqual({
    good: 'ok: ',
    same: 'ok: ',
    same_fraction: 'ok: ',
    infinite: 'ok: ',
    gone: 'drift: missing in 100 % of rows, was 0 %',
    became_empty: 'drift: missing in 100 % of rows, was 0 %',
    mixed: 'drift: 25 % of rows hold no number',
    empty: 'insufficient: no values',
    many: 'insufficient: more than 1,000 categories: not compared',
  })
  expect(report.leftOut).toEqual([
    { column: 'fresh', because: 'not in the reference' },
    { column: 'day', because: 'times only move on' },
    { column: 'nested', because: 'a nested or binary type' },
  ])
})

test('a million categories are stated, not counted into memory', async () => {
  const reference = await table(
    'million.parquet',
    `SELECT hash(range)::VARCHAR AS id FROM range(1000000)`
  )
  const known = await table('known.parquet', `SELECT 'k' || (range % 5) AS id FROM range(1000)`)
  const ids = await compare({ reference, current: known })
  expect(state(ids, 'id')).toMatchObject({ state: 'insufficient', newCategories: [] })
  const flooded = await compare({ reference: known, current: reference })
  expect(state(flooded, 'id')).toMatchObject({ state: 'drift', outOfRangeShare: 1 })
})

test('files that cannot be read, or have no such column, are refused by name', async () => {
  const good = await rowsFile('good', 3, 0)
  await writeFile(at('broken.parquet'), 'not parquet')
  await writeFile(at('list.txt'), 'x')
  await writeFile(at('other.json'), '{}')
  await expect(compare({ reference: good, current: at('none.csv') })).rejects.toThrow('none.csv')
  await expect(compare({ reference: at('broken.parquet'), current: good })).rejects.toThrow(
    'broken.parquet'
  )
  await expect(compare({ reference: good, current: at('list.txt') })).rejects.toThrow(
    '.parquet, .csv or .ndjson'
  )
  await expect(compare({ reference: at('other.json'), current: good })).rejects.toThrow(
    'saved reference'
  )
  await expect(compare({ reference: good, current: good, columns: ['nope'] })).rejects.toThrow(
    '"nope"'
  )
  const small = await table('small.csv', 'SELECT range * 1.5 AS x FROM range(10)')
  expect(await compare({ reference: small, current: small })).toMatchObject({
    state: 'insufficient',
    columns: [],
  })
})

test('quality and segments: a worse model is found with its problem guessed, and a drift of one segment alone', async () => {
  const rows = (wrong: number, shift: string) =>
    `SELECT CASE WHEN range % 3 = 0 THEN 1 ELSE 0 END AS y, CASE WHEN hash(range) % 100 < ${wrong} THEN 1 - y ELSE y END AS p,
       sin(range * 12.9898) * 43758.5453 % 1 + CASE WHEN range % 2 = 0 THEN ${shift} ELSE 0 END AS x,
       CASE WHEN range % 2 = 0 THEN 'even' ELSE 'odd' END AS half FROM range(4000)`
  const reference = await table('judged-before.parquet', rows(5, '0'))
  const current = await table('judged-now.parquet', rows(15, '0.4'))
  const report = await compare({
    reference,
    current,
    segment: 'half',
    columns: ['x'],
    quality: { target: 'y', prediction: 'p' },
  })
  expect(report.quality).toMatchObject({ problem: 'binary', state: 'worse' })
  expect(report.quality?.metrics['accuracy']).toBeCloseTo(0.85, 1)
  expect(report.segments.map((one) => [one.segment, one.state, one.rows])).toEqual([
    ['half = even', 'drift', 2000],
    ['half = odd', 'ok', 2000],
  ])
})

test('texts and embeddings are compared by what they say', async () => {
  const rows = (words: string, shift: number) =>
    `SELECT list_reduce([${words}[1 + CAST(hash(range * 7 + i) % 5 AS INTEGER)] FOR i IN range(6)], (a, b) -> a || ' ' || b) AS said,
       [hash(range)::DOUBLE / 1.8e19 + ${shift}, hash(range + 9999)::DOUBLE / 1.8e19] AS vector FROM range(800)`
  const reference = await table('said.parquet', rows("['where','is','my','parcel','please']", 0))
  const current = await table(
    'said-now.parquet',
    rows("['refund','my','card','was','charged']", 0.3)
  )
  const report = await compare({ reference, current })
  expect(state(report, 'said')).toMatchObject({ kind: 'text', state: 'drift' })
  expect(state(report, 'vector')).toMatchObject({ kind: 'embedding', state: 'drift' })
  const same = await compare({ reference, current: reference })
  expect(same.state).toBe('ok')
})

test('the page is whole in itself, stays under 500 kB however many columns there are, and shows names as text', async () => {
  const [before, now] = [await rowsFile('page-before', 4, 0), await rowsFile('page-now', 5, 1)]
  const report = await compare({ reference: before, current: now })
  const [column] = report.columns
  expect(column).toBeDefined()
  const evil = '<script>alert("x")</script>'
  const many = {
    ...report,
    columns: Array.from({ length: 5_000 }, (_, i) => ({ ...column!, column: `${evil}-é-${i}` })),
    driftedColumns: Array.from({ length: 5_000 }, (_, i) => `${evil}-${i}`),
  }
  const page = renderPage(many)
  expect(Buffer.byteLength(page)).toBeLessThan(500_000)
  expect(page).not.toContain(evil)
  expect(page).toContain('more columns are in the JSON form')
  expect(page).not.toMatch(/(src|href)=|https?:|@import|url\(/)
})

test('JUnit has a case per column: drift fails, what cannot be told is skipped', async () => {
  const [before, now] = [await rowsFile('unit-before', 6, 0), await rowsFile('unit-now', 7, 1)]
  const report = await compare({ reference: before, current: now })
  const xml = toJunit({
    ...report,
    columns: [
      ...report.columns,
      { ...report.columns[0]!, column: 'a "b" <c>', state: 'insufficient', finding: 'no values' },
    ],
  })
  expect(xml).toContain('<testsuites tests="8" failures="2" errors="0" skipped="1">')
  expect(xml.match(/<failure type="drift"/g)).toHaveLength(2)
  expect(xml).toContain(
    'name="a &quot;b&quot; &lt;c&gt;" time="0"><skipped message="no values"/></testcase>'
  )
})
