import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * What runs the server. In a checkout that is the one-file build while no source is newer than it, since it starts in half the time, and else
 * the sources themselves; elsewhere the package's own program.
 */
export function serverProgram(): string {
  const main = fileURLToPath(import.meta.resolve('@trestle/server'))
  if (!main.endsWith('.ts')) return main
  const server = join(main, '..', '..')
  const built = join(server, 'dist', 'main.js')
  const builtAt = statSync(built, { throwIfNoEntry: false })?.mtimeMs ?? 0
  const sources = ['server', 'contract', 'stats'].map((name) => join(server, '..', name, 'src'))
  return sources.every((folder) => isOlder(folder, builtAt)) ? built : main
}

function isOlder(folder: string, time: number): boolean {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).every(
    (entry) => !entry.isFile() || statSync(join(entry.parentPath, entry.name)).mtimeMs < time
  )
}
