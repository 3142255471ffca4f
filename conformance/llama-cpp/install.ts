import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const VERSION = '3.22.1'

/** A folder with `node-llama-cpp` and its CPU binaries for this machine, kept between runs. Those for GPUs, 640 MB, are left out. */
export async function llamaFolder(): Promise<string> {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  const folder = join(cache, 'trestle', `node-llama-cpp-${VERSION}`)
  if (existsSync(join(folder, 'complete'))) return folder
  console.log(`  installing node-llama-cpp ${VERSION}`)
  await mkdir(folder, { recursive: true })
  const binary = `@node-llama-cpp/${process.platform}-${process.arch}`
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ dependencies: { 'node-llama-cpp': VERSION, [binary]: VERSION } })
  )
  await promisify(execFile)(
    'npm',
    ['install', '--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund'],
    { cwd: folder }
  )
  await writeFile(join(folder, 'complete'), '')
  return folder
}
