import { realpath } from 'node:fs/promises'
import { relative, resolve, isAbsolute } from 'node:path'

/** Which local files may be read: those in one folder, or any. */
export interface SourceRoot {
  /** The path or pattern, which is relative to the folder. Throws when it leads out of it. */
  resolve(path: string): string
  /** Throws when a file lies outside, be it by a link. */
  check(file: string): Promise<void>
}

export function createSourceRoot(root: string | null): SourceRoot {
  const outside = (path: string) =>
    new Error(`${path} lies outside ${root ?? ''}, where files are read from (TRESTLE_SOURCE_ROOT)`)
  return {
    resolve(path) {
      if (root === null) return path
      const resolved = resolve(root, path)
      if (isOutside(root, resolved)) throw outside(path)
      return resolved
    },
    async check(file) {
      if (root !== null && isOutside(await realpath(root), await realpath(file)))
        throw outside(file)
    },
  }
}

function isOutside(root: string, path: string): boolean {
  const way = relative(root, path)
  return way === '..' || way.startsWith('../') || isAbsolute(way)
}
