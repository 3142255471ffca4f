/**
 * Online reads and materialization beside Feast, in one run: `npx node --conditions=@trestle/source bench/features/online.ts [seconds]`.
 * Both serve Feast's own route with the same 10,000 entities x 5 views x 10 features; wrk asks over ten connections, the targets in turn, three
 * rounds; medians. Needs wrk and redis-server.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createClient } from '@trestle/sdk'
import { freePort } from '../../packages/server/test/support/free-port.ts'
import { startRedis } from '../../packages/server/test/support/redis-server.ts'
import { median } from '../lib/statistics.ts'
import { feastPython, feastSide } from './feast.ts'

const SECONDS = Number(process.argv[2] ?? 4)
const [VIEWS, FEATURES, ENTITIES, ROUNDS] = [5, 10, 10_000, 3]
const run = promisify(execFile)
const folder = await mkdtemp(join(tmpdir(), 'bench-features-'))
const redis = await startRedis()
const env = { REDIS_PORT: new URL(redis.url).port }
const children: ChildProcess[] = []
const references = Array.from({ length: VIEWS }, (_, v) =>
  Array.from({ length: FEATURES }, (__, i) => `view_${v}:v${v}_f${i}`)
).flat()

await feastSide(['prepare', folder], env)

type Server = { url: string; pid: number }

/** The CPU time in milliseconds that a process and those it started have taken, also those that have ended. */
async function cpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const own = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 15)
    .map(Number)
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim()
  const theirs = await Promise.all(
    children
      .split(' ')
      .filter(Boolean)
      .map((child) => cpuMs(Number(child)))
  )
  return own.reduce((sum, one) => sum + one, 0) * 10 + theirs.reduce((sum, one) => sum + one, 0)
}

async function startTrestle(online: string | null): Promise<Server> {
  const bin = fileURLToPath(new URL('../../packages/cli/bin/trestle.mjs', import.meta.url))
  const data = await mkdtemp(join(folder, 'trestle-'))
  const child = spawn(
    process.execPath,
    [bin, 'serve', '--port', '0', '--data', data, '--log-level', 'error'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...(online === null ? {} : { ONLINE_STORE_URL: online }) },
    }
  )
  children.push(child)
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const { url } = JSON.parse(line) as { url: string }
  await createClient({ url }).features.apply({
    manifest: {
      entities: [{ name: 'thing', keys: [{ name: 'id', type: 'int64' }] }],
      views: Array.from({ length: VIEWS }, (_, v) => ({
        name: `view_${v}`,
        entities: ['thing'],
        features: Array.from({ length: FEATURES }, (__, i) => ({
          name: `v${v}_f${i}`,
          type: 'int64' as const,
        })),
        batch: { kind: 'parquet' as const, path: join(folder, `view_${v}.parquet`) },
      })),
    },
  })
  return { url, pid: child.pid ?? 0 }
}

async function startFeast(kind: 'sqlite' | 'redis'): Promise<Server> {
  const port = await freePort()
  const feast = join(dirname(await feastPython()), 'feast')
  const child = spawn(
    feast,
    ['-c', join(folder, kind), 'serve', '-p', String(port), '-h', '127.0.0.1', '--no-access-log'],
    { stdio: 'ignore', env: { ...process.env, ...env, FEAST_USAGE: 'False' } }
  )
  children.push(child)
  const url = `http://127.0.0.1:${port}`
  for (let attempt = 0; attempt < 120; attempt++) {
    if (
      await fetch(`${url}/health`)
        .then((r) => r.ok)
        .catch(() => false)
    )
      return { url, pid: child.pid ?? 0 }
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  throw new Error('feast serve did not come up within 60 s')
}

type Measured = { rps: number; p50: number; p99: number; errors: number; cpu: number }

async function ask({ url, pid }: Server, entities: number): Promise<Measured> {
  const bodies = Array.from({ length: 50 }, (_, b) =>
    JSON.stringify({
      features: references,
      entities: { id: Array.from({ length: entities }, (__, i) => (b * 7919 + i * 97) % ENTITIES) },
    })
  )
  const script = join(folder, `ask-${entities}.lua`)
  await writeFile(
    script,
    `local bodies = {${bodies.map((b) => `[[${b}]]`).join(',')}}
local at = 0
wrk.method = 'POST'
wrk.headers['content-type'] = 'application/json'
request = function() at = at % #bodies + 1; return wrk.format(nil, '/get-online-features', nil, bodies[at]) end
done = function(summary, latency)
  io.write(string.format('RESULT %f %f %f %d\\n', summary.requests / (summary.duration / 1e6), latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    summary.errors.status + summary.errors.read + summary.errors.timeout))
end`
  )
  const before = await cpuMs(pid)
  const { stdout } = await run('wrk', [
    ...['-t', '1', '-c', '10', '-d', `${SECONDS}s`, '--timeout', '30s', '-s', script, url],
  ])
  const used = (await cpuMs(pid)) - before
  const [, rps, p50, p99, errors] = /RESULT (\S+) (\S+) (\S+) (\d+)/.exec(stdout) ?? []
  return {
    rps: Number(rps),
    p50: Number(p50),
    p99: Number(p99),
    errors: Number(errors),
    cpu: used / (Number(rps) * SECONDS),
  }
}

try {
  const targets: (Server & { name: string; seconds: number })[] = []
  for (const kind of ['sqlite', 'redis'] as const) {
    const { seconds = NaN } = await feastSide(['materialize', folder, kind], env)
    targets.push({ name: `Feast, ${kind}`, ...(await startFeast(kind)), seconds })
  }
  for (const [name, online] of [
    ['Trestle, SQLite', null],
    ['Trestle, Redis', redis.url],
  ] as const) {
    const server = await startTrestle(online)
    const from = performance.now()
    await createClient({ url: server.url, timeoutMs: 600_000 }).features.materialize({})
    targets.push({ name, ...server, seconds: (performance.now() - from) / 1000 })
  }
  const rows = VIEWS * ENTITIES
  console.log('\nmaterialize 5 views x 10,000 rows x 10 features from Parquet')
  for (const { name, seconds } of targets)
    console.log(`  ${name.padEnd(18)} ${Math.round(rows / seconds)} rows/s`)
  for (const entities of [1, 100]) {
    const results = new Map<string, Measured[]>()
    for (let round = 0; round < ROUNDS; round++)
      for (const { name, url, pid } of targets)
        results.set(name, [...(results.get(name) ?? []), await ask({ url, pid }, entities)])
    console.log(`\nonline read, ${entities} x 50 features, 10 connections`)
    for (const [name, measured] of results) {
      const of = (pick: (m: Measured) => number): number => median(measured.map(pick))
      console.log(
        `  ${name.padEnd(18)} ${of((m) => m.rps)
          .toFixed(0)
          .padStart(
            7
          )} requests/s   p50 ${of((m) => m.p50).toFixed(2)} ms   p99 ${of((m) => m.p99).toFixed(2)} ms   ${of((m) => m.cpu).toFixed(3)} ms of CPU a request${measured.some((m) => m.errors > 0) ? `   ${measured.reduce((n, m) => n + m.errors, 0)} errors` : ''}`
      )
    }
  }
} finally {
  for (const child of children) child.kill('SIGTERM')
  await redis.stop()
  await rm(folder, { recursive: true, force: true })
}
