/**
 * Searches over many runs and a long metric history, Trestle beside `mlflow server` on SQLite files that hold the same rows, then Trestle alone with ten times the runs.
 * `npm run bench:tracking -- large`.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { median } from '../lib/statistics.ts'
import { here, post, start, startBoth, type Server } from './servers.ts'

const RUNS = 100_000
const POINTS = 1_000_000
const REPEATS = 15

const SEARCHES: readonly { name: string; body: object }[] = [
  { name: 'default page of 100', body: { max_results: 100 } },
  {
    name: 'metric and param',
    body: { max_results: 100, filter: "metrics.m1 > 990 AND params.p1 = '3'" },
  },
  {
    name: 'metric and param, best first',
    body: {
      max_results: 100,
      filter: "metrics.m1 > 900 AND params.p1 = '3'",
      order_by: ['metrics.m2 DESC'],
    },
  },
]

async function fillRows(
  server: Server,
  given: { kind: 'trestle' | 'mlflow'; python: string; runs: number; points: number }
): Promise<string> {
  const file =
    given.kind === 'trestle'
      ? join(server.folder, 'data', 'trestle.db')
      : join(server.folder, 'm.db')
  await post(server, 'runs/search', { experiment_ids: ['0'] })
  const { stdout } = await promisify(execFile)(given.python, [
    here('fill.py'),
    ...[given.kind, file, String(given.runs), String(given.points)],
  ])
  return stdout.trim()
}

/** Milliseconds of one call after another: the median and the 95th percentile. */
async function time(
  repeats: number,
  call: () => Promise<unknown>
): Promise<{ p50: number; p95: number }> {
  const times: number[] = []
  await call()
  for (let i = 0; i < repeats; i++) {
    const began = performance.now()
    await call()
    times.push(performance.now() - began)
  }
  times.sort((a, b) => a - b)
  return { p50: median(times), p95: times[Math.ceil(times.length * 0.95) - 1] ?? NaN }
}

const searched = (server: Server, body: object, repeats = REPEATS) =>
  time(repeats, () => post(server, 'runs/search', { experiment_ids: ['0'], ...body }))

/** The whole history by pages, as MLflow's client reads it. Seconds. */
async function history(server: Server, runId: string): Promise<number> {
  const began = performance.now()
  let token = ''
  let points = 0
  do {
    const answer = await fetch(
      `${server.url}/api/2.0/mlflow/metrics/get-history?run_id=${runId}&metric_key=loss&max_results=25000${token === '' ? '' : `&page_token=${encodeURIComponent(token)}`}`
    )
    const page = (await answer.json()) as { metrics?: unknown[]; next_page_token?: string }
    points += page.metrics?.length ?? 0
    token = page.next_page_token ?? ''
  } while (token !== '')
  if (points !== POINTS) throw new Error(`${server.name} told ${points} of ${POINTS} points`)
  return (performance.now() - began) / 1_000
}

export async function benchLarge(): Promise<void> {
  const { trestle, mlflow, python } = await startBoth()
  try {
    const ours = await fillRows(trestle, { kind: 'trestle', python, runs: RUNS, points: POINTS })
    const theirs = await fillRows(mlflow, { kind: 'mlflow', python, runs: RUNS, points: POINTS })
    console.log(
      `| over ${RUNS} runs, 1M metrics, 1M params | Trestle ms, p50 (p95) | mlflow server ms, p50 (p95) | times at p95 |\n|---|---|---|---|`
    )
    for (const { name, body } of SEARCHES) {
      const [a, b] = [await searched(trestle, body), await searched(mlflow, body)]
      console.log(
        `| ${name} | ${a.p50.toFixed(1)} (${a.p95.toFixed(1)}) | ${b.p50.toFixed(0)} (${b.p95.toFixed(0)}) | ${(b.p95 / a.p95).toFixed(0)} |`
      )
    }
    const [a, b] = [await history(trestle, ours), await history(mlflow, theirs)]
    console.log(
      `| history of 1M points, pages of 25,000 | ${(a * 1_000).toFixed(0)} | ${(b * 1_000).toFixed(0)} | ${(b / a).toFixed(1)} |`
    )
  } finally {
    await trestle.stop()
    await mlflow.stop()
  }
  const alone = await start('Trestle', (port, folder) => [
    process.execPath,
    [
      here('../../packages/cli/bin/trestle.mjs'),
      ...['serve', '--port', String(port), '--data', join(folder, 'data'), '--log-level', 'error'],
    ],
  ])
  try {
    await fillRows(alone, { kind: 'trestle', python, runs: RUNS * 10, points: 0 })
    console.log(`\n| over ${RUNS * 10} runs | Trestle ms, p50 (p95) |\n|---|---|`)
    for (const { name, body } of SEARCHES) {
      const { p50, p95 } = await searched(alone, body)
      console.log(`| ${name} | ${p50.toFixed(1)} (${p95.toFixed(1)}) |`)
    }
  } finally {
    await alone.stop()
  }
}
