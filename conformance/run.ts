/**
 * Real clients against a live Trestle: `npm run conformance [-- <suite> …]`.
 * A suite is a folder here with `requirements.txt` and `test_*.py` scripts; each script reads TRESTLE_URL (and TRESTLE_GRPC), uses the unmodified client and ends with `N passed, N failed`.
 * Every suite gets a server and a data folder of its own.
 */
import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const here = fileURLToPath(new URL('.', import.meta.url))
const BIN = fileURLToPath(new URL('../packages/cli/bin/trestle.mjs', import.meta.url))

/** A virtual environment with exactly these requirements, kept between runs. */
async function pythonWith(requirements: string): Promise<string> {
  const digest = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex')
    .slice(0, 16)
  const folder = join(
    process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
    'trestle',
    `venv-${digest}`
  )
  const python = join(folder, 'bin', 'python')
  if (!existsSync(join(folder, 'complete'))) {
    console.log(`  installing ${requirements}`)
    await run('python3', ['-m', 'venv', '--clear', folder])
    await run(
      python,
      ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements],
      { maxBuffer: 1 << 26 }
    )
    await run('touch', [join(folder, 'complete')])
  }
  return python
}

async function startServer(
  dataDir: string
): Promise<{ url: string; grpc: string; stop: () => Promise<void> }> {
  const child = spawn(
    process.execPath,
    [BIN, 'serve', '--port', '0', '--grpc-port', '0', '--data', dataDir, '--log-level', 'error'],
    { stdio: ['ignore', 'pipe', 'inherit'] }
  )
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const { url, grpc = '' } = JSON.parse(line) as { url: string; grpc?: string }
  return {
    url,
    grpc,
    stop: async () => {
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

async function runSuite(name: string): Promise<{ passed: number; failed: number }> {
  const folder = join(here, name)
  const python = await pythonWith(join(folder, 'requirements.txt'))
  const dataDir = await mkdtemp(join(tmpdir(), `trestle-${name}-`))
  const server = await startServer(dataDir)
  const total = { passed: 0, failed: 0 }
  try {
    for (const script of (await readdir(folder)).filter((file) => /^test_.*\.py$/.test(file))) {
      const child = spawn(python, ['-u', join(folder, script)], {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: {
          ...process.env,
          TRESTLE_URL: server.url,
          TRESTLE_GRPC: server.grpc,
          MLFLOW_TRACKING_URI: server.url,
          PYTHONWARNINGS: 'ignore',
        },
      })
      let last = ''
      for await (const line of createInterface({ input: child.stdout })) {
        console.log(`  ${line}`)
        if (line.trim() !== '') last = line
      }
      if (child.exitCode === null) await once(child, 'exit')
      const counted = /(\d+) passed, (\d+) failed/.exec(last)
      total.passed += Number(counted?.[1] ?? 0)
      total.failed +=
        counted === null || child.exitCode !== 0
          ? Math.max(1, Number(counted?.[2] ?? 1))
          : Number(counted[2])
    }
  } finally {
    await server.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
  return total
}

const asked = process.argv.slice(2)
const folders = (await readdir(here, { withFileTypes: true }))
  .filter((entry) => entry.isDirectory() && existsSync(join(here, entry.name, 'requirements.txt')))
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
