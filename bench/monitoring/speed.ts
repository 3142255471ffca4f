// Data drift on large tables, beside Evidently, each in a process of its own; and how fast sketches take values in.
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKll, createMoments, createRng } from '@trestle/stats'
import { createDuckDb } from '../../packages/server/src/platform/duckdb/index.ts'
import { peer, pathOf, timed, type Cost } from './peers.ts'
import { normal } from './worlds.ts'

const CASES = [
  { rows: 1_000_000, columns: 20 },
  { rows: 50_000, columns: 200 },
] as const
const PROGRAM = pathOf('../../packages/server/dist/report-program.js')

export async function speed(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'trestle-drift-speed-'))
  const lines: string[] = []
  try {
    for (const { rows, columns } of CASES) {
      const at = (name: string) => join(folder, `${rows}-${name}`)
      await makeTables(at('reference.parquet'), at('current.parquet'), { rows, columns })
      const trestle = (task: object) => timed([process.execPath, PROGRAM, JSON.stringify(task)])
      await trestle({ kind: 'reference', data: at('reference.parquet'), to: at('saved.json') })
      const request = { reference: at('saved.json'), current: at('current.parquet') }
      const ours = await trestle({ kind: 'report', request, html: at('ours.html'), junit: null })
      const direct = await trestle({
        kind: 'report',
        request: { ...request, reference: at('reference.parquet') },
        html: at('direct.html'),
        junit: null,
      })
      const theirs = await peer('speed', {
        reference: at('reference.parquet'),
        current: at('current.parquet'),
        html: at('theirs.html'),
      })
      const name = `${rows.toLocaleString('en')} × ${columns}`
      const row = async (judge: string, cost: Cost, page: string) =>
        `| ${name} | ${judge} | ${cost.wall.toFixed(1)} | ${cost.cpu.toFixed(1)} | ${cost.megabytes.toFixed(0)} | ${((await stat(page)).size / 1000).toFixed(0)} | ${(theirs.cost.cpu / cost.cpu).toFixed(1)} |`
      lines.push(
        await row('Trestle, stored reference', ours.cost, at('ours.html')),
        await row('Trestle, two files', direct.cost, at('direct.html')),
        await row('Evidently', theirs.cost, at('theirs.html'))
      )
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return [
    '| rows × columns | | seconds | CPU seconds | peak MB | page kB | times less CPU than Evidently |',
    '|---|---|--:|--:|--:|--:|--:|',
    ...lines,
  ].join('\n')
}

/** Three quarters numbers, one quarter categories; the current table is shifted in one column of ten. */
async function makeTables(
  reference: string,
  current: string,
  { rows, columns }: { rows: number; columns: number }
): Promise<void> {
  const duckdb = createDuckDb({
    temporaryDir: `${reference}-spill`,
    memoryLimit: '1GB',
    threads: 1,
  })
  for (const [i, path] of [reference, current].entries())
    await duckdb.use(async (connection) => {
      await connection.run(`SELECT setseed(${(i + 1) / 10})`)
      const select = Array.from({ length: columns }, (_, c) =>
        c % 4 === 3
          ? `chr(97 + CAST(floor(random() * 8) AS INTEGER)) AS c${c}`
          : `sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()) + ${c % 10 === 0 ? i / 2 : 0} AS c${c}`
      )
      await connection.run(
        `COPY (SELECT ${select.join(', ')} FROM range(${rows})) TO '${path}' (FORMAT parquet)`
      )
    })
  await duckdb.stop()
}

/** Millions of values a second of CPU that a quantile sketch and moments take in together. */
export function ingest(): string {
  const rng = createRng(1)
  const values = Float64Array.from({ length: 2_000_000 }, () => normal(rng))
  const run = () => {
    const sketch = createKll()
    const moments = createMoments()
    sketch.updateMany(values)
    moments.updateMany(values)
  }
  run()
  const before = process.cpuUsage()
  for (let i = 0; i < 5; i++) run()
  const { user, system } = process.cpuUsage(before)
  return `${((5 * values.length) / (user + system)).toFixed(1)} M values a core-second into a quantile sketch (KLL, k = 200) with moments.`
}
