import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The interpreter of a virtual environment with exactly these requirements, kept between runs. */
export async function pythonWith(requirements: string): Promise<string> {
  const digest = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex')
    .slice(0, 16)
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  const folder = join(cache, 'trestle', `venv-${digest}`)
  const python = join(folder, 'bin', 'python')
  if (!existsSync(join(folder, 'complete'))) {
    console.log(`  installing ${requirements}`)
    await run('python3', ['-m', 'venv', '--clear', folder])
    await run(
      python,
      ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements],
      { maxBuffer: 1 << 26 }
    )
    await writeFile(join(folder, 'complete'), '')
  }
  return python
}
