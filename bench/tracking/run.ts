/**
 * Logging and searching, Trestle beside `mlflow server`, each on its own SQLite in a fresh folder, over the same requests.
 * `node --conditions=@trestle/source bench/tracking/run.ts [mlflow executable]`. Medians of the rounds; each round visits both.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pythonWith } from '../../conformance/lib/python.ts'
import { median } from '../lib/statistics.ts'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const ROUNDS = 3
const SECONDS = 4
const RUNS = 2_000

type Server = { name: string; url: string; agent: Agent; runs: string[]; stop: () => Promise<void> }
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

const post = (server: Server, path: string, body: object): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const text = JSON.stringify(body)
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    }
    const call = request(
      `${server.url}/api/2.0/mlflow/${path}`,
      { method: 'POST', agent: server.agent, headers },
      (answer) => {
        let got = ''
        answer.setEncoding('utf8')
        answer.on('data', (chunk: string) => (got += chunk))
        answer.on('end', () => {
          if (answer.statusCode === 200) resolve(JSON.parse(got))
          else
            reject(
              new Error(`${server.name} ${path}: ${answer.statusCode ?? 0} ${got.slice(0, 200)}`)
            )
        })
      }
    )
    call.on('error', reject)
    call.end(text)
  })

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function start(
  name: string,
  command: (port: number, folder: string) => [string, string[]]
): Promise<Server> {
  const port = await freePort()
  const folder = await mkdtemp(join(tmpdir(), 'bench-tracking-'))
  const [program, args] = command(port, folder)
  const child: ChildProcess = spawn(program, args, { stdio: 'ignore', cwd: folder, detached: true })
  const url = `http://127.0.0.1:${port}`
  for (let i = 0; ; i++) {
    if (
      await fetch(`${url}/health`).then(
        (r) => r.ok,
        () => false
      )
    )
      break
    if (i > 600) throw new Error(`${name} did not start`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  const server: Server = {
    name,
    url,
    agent: new Agent({ keepAlive: true, maxSockets: 16 }),
    runs: [],
    stop: async () => {
      if (child.pid !== undefined) process.kill(-child.pid) // with its workers
      await new Promise((resolve) => child.once('exit', resolve))
      await rm(folder, { recursive: true, force: true })
    },
  }
  await fill(server)
  return server
}

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

let counter = 0
/** Requests per second, and the 95th percentile in milliseconds. */
async function load(server: Server, one: Case): Promise<{ perSecond: number; p95: number }> {
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

const python = await pythonWith(here('../../conformance/mlflow/requirements.txt'))
const mlflow = process.argv[2] ?? join(dirname(python), 'mlflow')
const servers = [
  await start('Trestle', (port, folder) => [
    process.execPath,
    [
      here('../../packages/cli/bin/trestle.mjs'),
      'serve',
      '--port',
      String(port),
      '--data',
      join(folder, 'data'),
      '--log-level',
      'error',
    ],
  ]),
  await start('mlflow server', (port, folder) => [
    mlflow,
    [
      'server',
      '--host',
      '127.0.0.1',
      '--port',
      String(port),
      '--backend-store-uri',
      `sqlite:///${join(folder, 'm.db')}`,
    ],
  ]),
]
try {
  console.log(
    '| what | Trestle /s | mlflow server /s | times | Trestle p95 ms | mlflow p95 ms |\n|---|---|---|---|---|---|'
  )
  for (const one of CASES) {
    const measured = servers.map(() => ({ perSecond: [] as number[], p95: [] as number[] }))
    for (let round = 0; round < ROUNDS; round++)
      for (const [i, server] of servers.entries()) {
        const { perSecond, p95 } = await load(server, one)
        measured[i]?.perSecond.push(perSecond)
        measured[i]?.p95.push(p95)
      }
    const [ours, theirs] = measured.map((m) => ({
      perSecond: median(m.perSecond),
      p95: median(m.p95),
    }))
    if (ours === undefined || theirs === undefined) throw new Error('two servers are measured')
    console.log(
      `| ${one.name} | ${ours.perSecond.toFixed(0)} | ${theirs.perSecond.toFixed(0)} | ${(ours.perSecond / theirs.perSecond).toFixed(1)} | ${ours.p95.toFixed(1)} | ${theirs.p95.toFixed(1)} |`
    )
  }
} finally {
  for (const server of servers) await server.stop()
}
