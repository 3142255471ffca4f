import { invalidParameter } from '../mlflow/mlflow-error.ts'

const SCHEME = /^mlflow-artifacts:(?:\/\/[^/]*)?\/?/
const CONTROL = /\p{Cc}/u
const MAX_BYTES = 2_000 // what both databases hold in an index

/**
 * A path within the artifact store, cleaned: no leading or trailing slash. Any Unicode name is fine; one that climbs (`..`) or hides
 * (`.`, empty parts, control characters, backslashes) is refused with INVALID_PARAMETER_VALUE. The empty path is the root.
 */
export function cleanPath(path: string): string {
  const trimmed = path.replace(/^\/+|\/+$/g, '')
  if (trimmed === '') return ''
  const isBad =
    trimmed.includes('\\') ||
    CONTROL.test(trimmed) ||
    trimmed.split('/').some((part) => part === '' || part === '.' || part === '..')
  if (isBad) throw invalidParameter(`Invalid path: ${trimmed.slice(0, 200)}`)
  if (Buffer.byteLength(trimmed) > MAX_BYTES)
    throw invalidParameter(`Invalid path: longer than ${MAX_BYTES} bytes`)
  return trimmed
}

/** The path that an `mlflow-artifacts:` URI names; null for another scheme, whose files are not ours. */
export function pathOfUri(uri: string): string | null {
  return SCHEME.test(uri) ? cleanPath(uri.replace(SCHEME, '')) : null
}

export const joinPath = (...parts: readonly string[]): string =>
  parts.filter((part) => part !== '').join('/')

/** Path of `path` below `folder`. */
export const below = (folder: string, path: string): string =>
  folder === '' ? path : path.slice(folder.length + 1)
