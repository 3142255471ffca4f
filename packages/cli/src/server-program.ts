import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * What runs the server, or makes drift reports without one. In a checkout that is the one-file build while no source is newer than it, since it starts in half the time, and else
 * the sources themselves; elsewhere the package's own program.
 */
export function serverProgram(name: 'main' | 'report-program' = 'main'): string {
  const entry = name === 'main' ? '@trestle/server' : `@trestle/server/${name}`
  const program = fileURLToPath(import.meta.resolve(entry))
  if (!program.endsWith('.ts')) return program
  const server = fileURLToPath(new URL('..', import.meta.resolve('@trestle/server')))
  const built = join(server, 'dist', `${name}.js`)
  const builtAt = statSync(built, { throwIfNoEntry: false })?.mtimeMs ?? 0
  const sources = ['server', 'contract', 'stats'].map((name) => join(server, '..', name, 'src'))
  return sources.every((folder) => isOlder(folder, builtAt)) ? built : program
}

function isOlder(folder: string, time: number): boolean {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).every(
    (entry) => !entry.isFile() || statSync(join(entry.parentPath, entry.name)).mtimeMs < time
  )
}
