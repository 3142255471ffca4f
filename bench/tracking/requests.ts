/**
 * Logging and searching, Trestle beside `mlflow server`, over the same requests, on SQLite and on PostgreSQL.
 * `npm run bench:tracking -- requests`. Medians of the rounds; each round visits both, after one that is not counted.
 */
import { median } from '../lib/statistics.ts'
import { createPostgres } from '../../packages/server/test/support/databases.ts'
import { post, startBoth, type Server } from './servers.ts'

const ROUNDS = 3
const SECONDS = 4
const RUNS = 2_000

type Case = {
  name: string
  connections: number
  ask: (server: Server, i: number) => { path: string; body: object }
}

const metric = (key: string, value: number, step: number) => ({
  key,
  value,
  step,
  timestamp: 1_700_000_000_000 + step,
})
const runOf = (server: Server, i: number) => server.runs[i % server.runs.length] ?? ''
const search = { experiment_ids: ['0'], max_results: 100 }
const CASES: Case[] = [
  {
    name: 'log-metric',
    connections: 8,
    ask: (server, i) => ({
      path: 'runs/log-metric',
      body: { run_id: runOf(server, i), ...metric('loss', i, i) },
    }),
  },
  {
    name: 'log-batch of 10 metrics',
    connections: 8,
    ask: (server, i) => ({
      path: 'runs/log-batch',
      body: {
        run_id: runOf(server, i),
        metrics: Array.from({ length: 10 }, (_, m) => metric(`b${m}`, i, i)),
      },
    }),
  },
  {
    name: 'log-batch of 1,000 metrics',
    connections: 4,
    ask: (server, i) => ({
      path: 'runs/log-batch',
      body: {
        run_id: runOf(server, i),
        metrics: Array.from({ length: 1_000 }, (_, m) => metric('big', m, i * 1_000 + m)),
      },
    }),
  },
  {
    name: 'search: newest 100 runs',
    connections: 1,
    ask: () => ({ path: 'runs/search', body: search }),
  },
  {
    name: 'search: metric and param, 100 runs',
    connections: 1,
    ask: () => ({
      path: 'runs/search',
      body: { ...search, filter: "metrics.m1 > 500 AND params.p1 = '3'" },
    }),
  },
]

/** Runs with 10 metrics and 10 params each. */
async function fill(server: Server): Promise<void> {
  for (let at = 0; at < RUNS; at += 8)
    await Promise.all(
      Array.from({ length: 8 }, async (_, k) => {
        const i = at + k
        const { run } = (await post(server, 'runs/create', {
          experiment_id: '0',
          start_time: i,
        })) as { run: { info: { run_id: string } } }
        server.runs.push(run.info.run_id)
        await post(server, 'runs/log-batch', {
          run_id: run.info.run_id,
          metrics: Array.from({ length: 10 }, (_m, m) => metric(`m${m}`, i, 0)),
          params: Array.from({ length: 10 }, (_p, p) => ({ key: `p${p}`, value: String(i % 10) })),
        })
      })
    )
}

type Measured = { perSecond: number; p95: number }

let counter = 0
/** Requests per second, and the 95th percentile in milliseconds. */
async function load(server: Server, one: Case): Promise<Measured> {
  const times: number[] = []
  const began = performance.now()
  await Promise.all(
    Array.from({ length: one.connections }, async () => {
      while (performance.now() - began < SECONDS * 1_000) {
        const { path, body } = one.ask(server, counter++)
        const sent = performance.now()
        await post(server, path, body)
        times.push(performance.now() - sent)
      }
    })
  )
  times.sort((a, b) => a - b)
  return {
    perSecond: (times.length * 1_000) / (performance.now() - began),
    p95: times[Math.floor(times.length * 0.95)] ?? 0,
  }
}

async function measure(
  database: string,
  servers: { trestle: Server; mlflow: Server }
): Promise<void> {
  for (const one of CASES) {
    const ours: Measured[] = []
    const theirs: Measured[] = []
    for (let round = 0; round <= ROUNDS; round++) {
      const pair = [await load(servers.trestle, one), await load(servers.mlflow, one)] as const
      if (round === 0) continue // both warm up
      ours.push(pair[0])
      theirs.push(pair[1])
    }
    const of = (all: readonly Measured[], key: keyof Measured) => median(all.map((m) => m[key]))
    const times = of(ours, 'perSecond') / of(theirs, 'perSecond')
    console.log(
      `| ${database} | ${one.name} | ${of(ours, 'perSecond').toFixed(0)} | ${of(theirs, 'perSecond').toFixed(0)} | ${times.toFixed(1)} | ${of(ours, 'p95').toFixed(1)} | ${of(theirs, 'p95').toFixed(1)} |`
    )
  }
}

/** On SQLite, and on the PostgreSQL server at `postgresUrl` when there is one. */
export async function benchRequests(postgresUrl: string | null): Promise<void> {
  console.log(
    '| database | what | Trestle /s | mlflow server /s | times | Trestle p95 ms | mlflow p95 ms |\n|---|---|---|---|---|---|---|'
  )
  for (const database of ['SQLite', ...(postgresUrl === null ? [] : ['PostgreSQL'])]) {
    const made =
      database === 'SQLite' || postgresUrl === null
        ? null
        : [await createPostgres(postgresUrl), await createPostgres(postgresUrl)]
    const both = await startBoth(
      made === null ? undefined : { trestle: made[0]?.url ?? '', mlflow: made[1]?.url ?? '' }
    )
    try {
      await fill(both.trestle)
      await fill(both.mlflow)
      await measure(database, both)
    } finally {
      await both.trestle.stop()
      await both.mlflow.stop()
      for (const one of made ?? []) await one.remove()
    }
  }
}
