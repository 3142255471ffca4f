/**
 * How long `trestle serve` takes until it is ready, and what it holds when idle.
 * `npm run bench:startup` prints medians: first start on an empty folder, start on a folder that holds data, resident memory after 3 s of idling.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { median } from './lib/statistics.ts'

const RUNS = 7
const BIN = fileURLToPath(new URL('../packages/cli/bin/trestle.mjs', import.meta.url))

type Measured = { readyMs: number; idleMb: number }

/** One start, from spawning the command to `/readyz` answering 200, as a user or an orchestrator sees it. */
async function measureStart(dataDir: string, idleMs: number): Promise<Measured> {
  const began = performance.now()
  const child = spawn(
    process.execPath,
    [BIN, 'serve', '--port', '0', '--data', dataDir, '--log-level', 'error'],
    { stdio: ['ignore', 'pipe', 'inherit'] }
  )
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const { url } = JSON.parse(line) as { url: string }
  while (!(await fetch(`${url}/readyz`)).ok) await new Promise((resolve) => setTimeout(resolve, 5))
  const readyMs = performance.now() - began
  await new Promise((resolve) => setTimeout(resolve, idleMs))
  const status = await readFile(`/proc/${child.pid ?? 0}/status`, 'utf8')
  const idleMb = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024
  child.kill('SIGTERM')
  await once(child, 'exit')
  return { readyMs, idleMb }
}

const first: Measured[] = []
const again: Measured[] = []
for (let run = 0; run < RUNS; run++) {
  const dataDir = await mkdtemp(join(tmpdir(), 'trestle-bench-'))
  first.push(await measureStart(dataDir, 0))
  again.push(await measureStart(dataDir, 3_000))
  await rm(dataDir, { recursive: true, force: true })
}
console.log(
  `first start      ${median(first.map((m) => m.readyMs)).toFixed(0)} ms   (bar: under 2,000)`
)
console.log(
  `start with data  ${median(again.map((m) => m.readyMs)).toFixed(0)} ms   (bar: under 1,000)`
)
console.log(
  `idle memory      ${median(again.map((m) => m.idleMb)).toFixed(0)} MB   (bar: under 200)`
)
