/**
 * Real clients against a live Trestle: `npm run conformance [-- <suite> …]`.
 * A suite is a folder here with `requirements.txt` and `test_*.py` scripts, or with `run.ts`; each reads TRESTLE_URL (and TRESTLE_GRPC), uses the unmodified client and ends with `N passed, N failed`.
 * Every suite gets a server and a data folder of its own.
 */
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pythonWith } from './lib/python.ts'
import { runScript, type Count } from './lib/script.ts'
import { startServer } from './lib/server.ts'

const here = fileURLToPath(new URL('.', import.meta.url))

/** Its programs, each as command and arguments: `run.ts`, or else every `test_*.py`. */
async function programsOf(name: string): Promise<[command: string, args: string[]][]> {
  const folder = join(here, name)
  const own = join(folder, 'run.ts')
  if (existsSync(own)) return [[process.execPath, ['--conditions=@trestle/source', own]]]
  const python = await pythonWith(join(folder, 'requirements.txt'))
  const scripts = (await readdir(folder)).filter((file) => /^test_.*\.py$/.test(file))
  return scripts.map((script) => [python, ['-u', join(folder, script)]])
}

async function runSuite(name: string): Promise<Count> {
  const programs = await programsOf(name)
  const dataDir = await mkdtemp(join(tmpdir(), `trestle-${name}-`))
  const [[command] = ['']] = programs
  // MLflow models without ONNX run in the suite's own Python.
  const python = { TRESTLE_PYTHON: command, TRESTLE_PYTHON_TIMEOUT_MS: '3000' }
  const server = await startServer(dataDir, command === process.execPath ? {} : python)
  const total = { passed: 0, failed: 0 }
  try {
    for (const [command, args] of programs) {
      const { passed, failed } = await runScript(command, args, {
        TRESTLE_URL: server.url,
        TRESTLE_GRPC: server.grpc,
        MLFLOW_TRACKING_URI: server.url,
        PYTHONWARNINGS: 'ignore',
      })
      total.passed += passed
      total.failed += failed
    }
  } finally {
    await server.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
  return total
}

const isSuite = (name: string): boolean =>
  ['run.ts', 'requirements.txt'].some((file) => existsSync(join(here, name, file)))

const asked = process.argv.slice(2)
const folders = (await readdir(here, { withFileTypes: true }))
  .filter((entry) => entry.isDirectory() && isSuite(entry.name))
  .map((entry) => entry.name)
const total = { passed: 0, failed: 0 }
for (const suite of asked.length > 0 ? asked : folders) {
  console.log(`== ${suite}`)
  const result = await runSuite(suite)
  total.passed += result.passed
  total.failed += result.failed
}
console.log(`${total.passed} passed, ${total.failed} failed`)
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1
