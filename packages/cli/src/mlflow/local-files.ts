import { openAsBlob } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UnreadableArtifacts, type SourceFile } from './source.ts'

/** Files below a `file:` URI or a path of this machine; none when there is no such folder, as MLflow makes it with the first file. */
export async function* localFiles(uri: string): AsyncGenerator<SourceFile> {
  const folder = uri.startsWith('file:') ? fileURLToPath(uri) : uri
  if (/^[a-z][a-z0-9+.-]+:/i.test(folder))
    throw new UnreadableArtifacts(`these artifacts lie in ${uri.split('/', 3).join('/')}`)
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(
    (error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  )
  for (const entry of entries) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    yield {
      path: relative(folder, path).split(sep).join('/'),
      size: (await stat(path)).size,
      open: () => openAsBlob(path),
    }
  }
}
