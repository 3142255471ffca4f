/**
 * Point-in-time joins: `npx node --conditions=@trestle/source bench/features/offline.ts [scale]`. First beside Feast's default offline store at a size
 * that it can hold (20,000 entity rows, 200,000 feature rows, 500 keys, no ttl), then alone: 1M entity rows with 3 views x 10M rows (times scale), by the plan that
 * is chosen and by a plain range join.
 */
import { join } from 'node:path'
import { openTestFeatures, T0 } from '../../packages/server/test/support/features.ts'
import { createDuckDb } from '../../packages/server/src/platform/duckdb/index.ts'
import { feastSide } from './feast.ts'

const scale = Number(process.argv[2] ?? 1)
const features = await openTestFeatures()
const duckdb = createDuckDb({
  temporaryDir: join(features.dir, 'tmp'),
  memoryLimit: '1GB',
  threads: 2,
})
const make = (sql: string) => duckdb.run(sql)
const seconds = async (work: () => Promise<unknown>): Promise<number> => {
  const from = performance.now()
  await work()
  return (performance.now() - from) / 1000
}
const mb = (): number => Math.round(process.resourceUsage().maxRSS / 1024)

async function table(file: string, rows: number, keys: number, columns: string): Promise<string> {
  const path = join(features.dir, file)
  await make(
    `COPY (SELECT (random() * ${keys - 1})::BIGINT AS id, make_timestamptz(${T0 * 1000} - (random() * 90 * 86400e6)::BIGINT) AS event_timestamp${columns} FROM range(${rows}) t(i)) TO '${path}'`
  )
  return path
}
const FIVE = Array.from({ length: 5 }, (_, i) => `, random() AS f${i}`).join('')

async function declare(name: string, path: string, ttlDays: number | null): Promise<void> {
  await features.apply({
    entities: [{ name: 'thing', keys: [{ name: 'id', type: 'int64' }] }],
    views: [
      {
        name,
        entities: ['thing'],
        online: false,
        features: Array.from({ length: 5 }, (_, i) => ({
          name: `f${i}`,
          type: 'float64' as const,
        })),
        ttlMs: ttlDays === null ? null : ttlDays * 86_400_000,
        batch: { kind: 'parquet', path },
      },
    ],
  })
  await features.store.materialize({
    project: 'default',
    view: name,
    mode: 'incremental',
    fromMs: null,
    toMs: null,
  })
}
const references = (view: string): string[] => Array.from({ length: 5 }, (_, i) => `${view}:f${i}`)
const joined = (views: readonly string[], path: string, plan?: 'range') => () =>
  features.store.createTrainingSet({
    project: 'default',
    name: 'bench',
    wanted: { features: views.flatMap(references), fullNames: true },
    entities: { kind: 'file', format: 'parquet', path },
    mode: 'as-corrected',
    ...(plan === undefined ? {} : { plan }),
  })

const [small, rows] = [20_000, 200_000]
const past = await table(`past_${rows}.parquet`, rows, 500, FIVE)
const asked = await table(`asked_${small}.parquet`, small, 500, ', i AS label')
await declare('past', past, null)
const ours = await seconds(joined(['past'], asked))
const feast = await feastSide(['join', features.dir, String(small), String(rows)])
console.log(`join ${small} x ${rows}, 500 keys, no ttl, 5 features`)
console.log(
  `  Feast (dask)  ${feast['seconds']?.toFixed(1)} s, ${Math.round(feast['peakMb'] ?? 0)} MB, ${feast['rows']} rows out`
)
console.log(
  `  Trestle       ${ours.toFixed(2)} s: ${((feast['seconds'] ?? 0) / ours).toFixed(0)} times as fast`
)

const [E, F] = [1_000_000 * scale, 10_000_000 * scale]
const many = await table('asked-many.parquet', E, 100_000 * scale, ', i AS label')
for (const view of ['a', 'b', 'c'])
  await declare(
    view,
    await table(`${view}.parquet`, F, 100_000 * scale, FIVE),
    view === 'a' ? 7 : null
  )
console.log(`\njoin ${E} entity rows with ${F} rows a view, 5 features each, to Parquet`)
const all = await seconds(joined(['a', 'b', 'c'], many))
console.log(`  3 views (one with a ttl of 7 days): ${all.toFixed(1)} s, ${mb()} MB at most`)
for (const [view, what] of [
  ['a', 'ttl of 7 days'],
  ['b', 'no ttl'],
] as const) {
  const chosen = await seconds(joined([view], many))
  const range = await seconds(joined([view], many, 'range'))
  console.log(
    `  1 view, ${what}: ${chosen.toFixed(1)} s; by a plain range join ${range.toFixed(1)} s`
  )
}
console.log(`  ${mb()} MB at most`)
await duckdb.stop()
await features.close()
