/**
 * One table scored by Trestle, by the loop that one would write by hand, and by the batch path of MLflow, on the same ONNX file:
 * `npm run bench:batch [-- MLflow]`, or `-- none` for the loop alone. Needs python3. BATCH_ROWS and BATCH_ROUNDS say how much.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { pythonWith } from '../../conformance/lib/python.ts'
import { median } from '../lib/statistics.ts'
import { COLUMNS, writePayments } from './table.ts'
import { startTrestle, type Measured } from './trestle-side.ts'

const ROWS = Number(process.env['BATCH_ROWS'] ?? '2000000')
const ROUNDS = Number(process.env['BATCH_ROUNDS'] ?? '5')
const BATCH = 16_384
const MODEL = fileURLToPath(new URL('../../examples/payments-risk/models/v1.onnx', import.meta.url))
const run = promisify(execFile)
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))

/** The others get fewer rows: they are slow, and their speed does not depend on it. */
const PEER_ROWS = Math.min(ROWS, 200_000)
const PEERS: Readonly<Record<string, string>> = { MLflow: 'mlflow_side.py' }

type Way = Readonly<{ name: string; once: (round: number) => Promise<Measured>; rounds: number }>

async function python(interpreter: string, args: readonly string[]): Promise<Measured> {
  const { stdout } = await run(interpreter, [...args], {
    cwd: here('.'),
    env: {
      ...process.env,
      PATH: `${join(interpreter, '..')}:${process.env['PATH'] ?? ''}`,
      BENCH_MODEL: MODEL,
      BENCH_COLUMNS: JSON.stringify(COLUMNS),
      PYTHONWARNINGS: 'ignore',
    },
    maxBuffer: 1 << 26,
  })
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as Measured
}

const asked = process.argv.slice(2)
const peers = asked.length === 0 ? Object.keys(PEERS) : asked.filter((name) => name !== 'none')
const folder = await mkdtemp(join(tmpdir(), 'trestle-bench-batch-'))
const [input, small] = [join(folder, 'payments.parquet'), join(folder, 'small.parquet')]
await writePayments(input, ROWS)
await writePayments(small, PEER_ROWS)
const bare = await pythonWith(here('requirements.txt'))
const trestle = await startTrestle(MODEL)
const loop = (threads: number) => (round: number) =>
  python(bare, [
    'bare.py',
    MODEL,
    input,
    join(folder, `bare-${threads}-${round}.parquet`),
    String(BATCH),
    String(threads),
  ])
const ways: Way[] = [
  {
    name: 'Trestle',
    once: (round) => trestle.run(input, join(folder, `out-${round}`), BATCH),
    rounds: ROUNDS,
  },
  { name: 'bare loop, one thread for the model', once: loop(1), rounds: ROUNDS },
  { name: 'bare loop, all cores for the model', once: loop(0), rounds: ROUNDS },
]
for (const name of peers) {
  const script = PEERS[name]
  if (script === undefined)
    throw new Error(`No peer "${name}"; there are ${Object.keys(PEERS).join(', ')}`)
  ways.push({
    name,
    once: (round) =>
      python(bare, [script, small, join(folder, `${name}-${round}.parquet`), String(BATCH)]),
    rounds: Math.min(ROUNDS, 2),
  })
}

const measured = new Map<string, Measured[]>(ways.map(({ name }) => [name, []]))
try {
  await trestle.run(small, join(folder, 'warm'), BATCH)
  for (let round = 0; round < ROUNDS; round++)
    for (const way of ways)
      if (round < way.rounds) measured.get(way.name)?.push(await way.once(round))
  report(await trestle.peakMiB())
} finally {
  await trestle.stop()
  await rm(folder, { recursive: true, force: true })
}

function report(peakMiB: number): void {
  const perSecond = (name: string, of: (m: Measured) => number): number =>
    median((measured.get(name) ?? []).map((m) => m.rows / of(m)))
  const ours = perSecond('Trestle', (m) => m.seconds)
  const thousands = (n: number): string => Math.round(n).toLocaleString('en')
  console.log(
    `${thousands(ROWS)} rows, batches of ${thousands(BATCH)}, load ${loadavg()[0]?.toFixed(1) ?? '?'}; Trestle's process at most ${thousands(peakMiB)} MiB\n`
  )
  console.log('| | rows/s | rows per second of CPU | Trestle is faster by |\n|---|---|---|---|')
  for (const { name } of ways)
    console.log(
      `| ${name} | ${thousands(perSecond(name, (m) => m.seconds))} | ${thousands(perSecond(name, (m) => m.cpu))} | ${(ours / perSecond(name, (m) => m.seconds)).toFixed(2)} |`
    )
}
