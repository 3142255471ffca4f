/**
 * The feature store in numbers: online read in-process, push, materialize, point-in-time join. `node --conditions=@trestle/source bench/features/engine.ts [scale]`,
 * where scale 1 is 1,000,000 feature rows.
 */
import { join } from 'node:path'
import { createDuckDb } from '../../packages/server/src/platform/duckdb/index.ts'
import { openTestFeatures, T0 } from '../../packages/server/test/support/features.ts'

const scale = Number(process.argv[2] ?? 1)
const ROWS = Math.round(1_000_000 * scale)
const ASKED = Math.round(100_000 * scale)
const KEYS = 10_000
const WIDE = 50

const features = await openTestFeatures()
const duckdb = createDuckDb({
  temporaryDir: join(features.dir, 'tmp'),
  memoryLimit: '1GB',
  threads: 2,
})
const make = (sql: string) => duckdb.use((connection) => connection.run(sql))
const say = (what: string, value: string): void => console.log(what.padEnd(58), value)
const timed = async <T>(work: () => Promise<T>): Promise<{ ms: number; result: T }> => {
  const from = performance.now()
  const result = await work()
  return { ms: performance.now() - from, result }
}
const quantiles = (times: number[]): string => {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (q: number): string => (sorted[Math.floor(q * (sorted.length - 1))]! * 1000).toFixed(1)
  return `p50 ${at(0.5)} us, p99 ${at(0.99)} us`
}

const names = Array.from({ length: WIDE }, (_, i) => `f${i}`)
const source = join(features.dir, 'source.parquet')
const asked = join(features.dir, 'asked.parquet')
await make(
  `COPY (SELECT (random() * ${KEYS})::BIGINT AS id, make_timestamptz(${T0 * 1000} - (random() * 30 * 86400e6)::BIGINT) AS event_timestamp, ${names
    .slice(0, 5)
    .map((n) => `random() AS ${n}`)
    .join(', ')} FROM range(${ROWS})) TO '${source}'`
)
await make(
  `COPY (SELECT (random() * ${KEYS})::BIGINT AS id, make_timestamptz(${T0 * 1000} - (random() * 30 * 86400e6)::BIGINT) AS event_timestamp, i AS label FROM range(${ASKED}) t(i)) TO '${asked}'`
)
await features.apply({
  entities: [{ name: 'thing', keys: [{ name: 'id', type: 'int64' }] }],
  views: [
    {
      name: 'wide',
      entities: ['thing'],
      features: names.map((name) => ({ name, type: 'float64' })),
    },
    {
      name: 'past',
      entities: ['thing'],
      features: names.slice(0, 5).map((name) => ({ name, type: 'float64' })),
      ttlMs: 7 * 86_400_000,
      batch: { kind: 'parquet', path: source },
    },
  ],
  services: [{ name: 'wide', features: [{ view: 'wide', features: names }] }],
})

const rows = Array.from({ length: KEYS }, (_, id) => ({
  id,
  event_timestamp: T0 - 1000,
  ...Object.fromEntries(names.map((n, i) => [n, id + i / 7])),
}))
const push = await timed(() =>
  features.store.push({ project: 'default', view: 'wide', to: 'both', rows })
)
say(
  `push ${KEYS} rows x ${WIDE} features, both stores`,
  `${Math.round((KEYS / push.ms) * 1000)} rows/s`
)
const single: number[] = []
for (let i = 0; i < 500; i++) {
  const { ms } = await timed(() =>
    features.store.push({ project: 'default', view: 'wide', to: 'both', rows: [{ ...rows[i]! }] })
  )
  single.push(ms)
}
say('push 1 row, on disk in both stores', quantiles(single))

for (const count of [1, 10, 100]) {
  const times: number[] = []
  for (let i = 0; i < 20_000 / count + 500; i++) {
    const wanted = Array.from({ length: count }, (_, j) => ({
      id: (i * 7919 + j * 104_729) % KEYS,
    }))
    const from = performance.now()
    const answer = features.store.online({
      project: 'default',
      wanted: { service: 'wide' },
      rows: wanted,
      now: T0,
    })
    times.push(performance.now() - from)
    if (answer instanceof Promise) throw new Error('the read was not synchronous')
  }
  say(`online read in-process, ${count} x ${WIDE} features`, quantiles(times.slice(500)))
}

const first = await timed(() =>
  features.store.materialize({
    project: 'default',
    view: 'past',
    mode: 'incremental',
    fromMs: null,
    toMs: null,
  })
)
say(
  `import + materialize ${ROWS} rows (${first.result[0]?.materializedRows ?? 0} entities)`,
  `${(first.ms / 1000).toFixed(2)} s, ${Math.round((ROWS / first.ms) * 1000)} rows/s`
)
const again = await timed(() =>
  features.store.materialize({
    project: 'default',
    view: 'past',
    mode: 'full',
    fromMs: null,
    toMs: null,
  })
)
say('materialize in full again', `${(again.ms / 1000).toFixed(2)} s`)

for (const mode of ['as-corrected', 'as-known'] as const) {
  const joined = await timed(() =>
    features.store.createTrainingSet({
      project: 'default',
      name: 'bench',
      wanted: { features: names.slice(0, 5).map((n) => `past:${n}`) },
      entities: { kind: 'file', format: 'parquet', path: asked },
      mode,
    })
  )
  say(
    `${mode} join ${ASKED} x ${ROWS}, 5 features, to Parquet`,
    `${(joined.ms / 1000).toFixed(2)} s (${joined.result.rows} rows)`
  )
}
say('peak memory', `${Math.round(process.resourceUsage().maxRSS / 1024)} MB`)
await duckdb.stop()
await features.close()
