import type { Readable } from 'node:stream'
import type { WireFileInfo } from '@trestle/contract'
import type { Clock } from '../../../kernel/clock.ts'
import type { BlobStore } from '../../../platform/blobs/index.ts'
import { doesNotExist } from '../mlflow/mlflow-error.ts'
import { below, cleanPath } from './artifact-path.ts'
import type { ArtifactStore, StoredFile } from './artifact-store.ts'

/** The files of runs and models: names in the database, bytes by content in the blob store. */
export interface Artifacts {
  /** Streams a file in. It is on disk, and seen by others, when this returns; when the stream breaks, nothing has changed. */
  write(
    project: string,
    path: string,
    bytes: Readable | AsyncIterable<Uint8Array>
  ): Promise<StoredFile>
  /** Throws RESOURCE_DOES_NOT_EXIST. */
  get(project: string, path: string): Promise<StoredFile>
  open(file: StoredFile, range?: { start: number; end: number }): Promise<Readable>
  /** One folder: its files and folders. `root` is what the answered paths are relative to. */
  list(project: string, folder: string, root: string): Promise<WireFileInfo[]>
  /** Every file below a folder, with paths relative to it; the file itself when the path is one. */
  tree(project: string, folder: string): Promise<StoredFile[]>
  remove(project: string, path: string): Promise<void>
}

export function createArtifacts(deps: {
  store: ArtifactStore
  blobs: BlobStore
  clock: Clock
}): Artifacts {
  const { store, blobs, clock } = deps
  return {
    async write(project, path, bytes) {
      const clean = cleanPath(path)
      const { digest, size } = await blobs.put(bytes)
      const file = { path: clean, digest, size }
      await store.put({ ...file, project, at: clock.now() })
      return file
    },
    async get(project, path) {
      const clean = cleanPath(path)
      const file = await store.find(project, clean)
      if (file === undefined) throw doesNotExist(`No such artifact: ${clean}`)
      return file
    },
    async open(file, range) {
      const opened = await blobs.open(file.digest, range)
      if (opened === null) throw new Error(`The bytes of ${file.path} (${file.digest}) are gone`)
      return opened.stream
    },
    async list(project, folder, root) {
      const clean = cleanPath(folder)
      const prefix = below(root, clean)
      const entries = new Map<string, WireFileInfo>()
      for (const file of await store.below(project, clean)) {
        const rest = below(clean, file.path)
        const slash = rest.indexOf('/')
        const name = slash < 0 ? rest : rest.slice(0, slash)
        const path = prefix === '' ? name : `${prefix}/${name}`
        entries.set(
          name,
          slash < 0 ? { path, is_dir: false, file_size: file.size } : { path, is_dir: true }
        )
      }
      return [...entries.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1))
    },
    async tree(project, folder) {
      const clean = cleanPath(folder)
      const files = await store.below(project, clean)
      if (files.length > 0) return files.map((file) => ({ ...file, path: below(clean, file.path) }))
      const single = clean === '' ? undefined : await store.find(project, clean)
      return single === undefined
        ? []
        : [{ ...single, path: clean.slice(clean.lastIndexOf('/') + 1) }]
    },
    async remove(project, path) {
      const clean = cleanPath(path)
      if (clean === '' || !(await store.remove(project, clean)))
        throw doesNotExist(`No such artifact: ${clean}`)
    },
  }
}
