import { Readable } from 'node:stream'
import type { Clock } from '../../kernel/clock.ts'
import type { Component } from '../component.ts'
import type { S3 } from '../s3/index.ts'
import type { BlobStore } from './blob-store.ts'
import { createFileBlobStore } from './file-blob-store.ts'
import { createS3BlobStore } from './s3-blob-store.ts'

export type { BlobStore, Digest } from './blob-store.ts'
export { createFileBlobStore } from './file-blob-store.ts'

export type BlobSettings = Readonly<
  { kind: 'files' } | { kind: 's3'; url: string; cacheBytes: number }
>

/** The blob store that the settings ask for. As a component it starts only when it can be written. */
export function createBlobs(
  settings: BlobSettings,
  on: { s3: S3; dir: string; clock: Clock }
): { blobs: BlobStore; component: Component } {
  if (settings.kind === 'files') {
    return {
      blobs: createFileBlobStore(on.dir),
      component: { name: 'artifacts', start: async () => {}, stop: () => on.s3.stop() },
    }
  }
  const { url, cacheBytes } = settings
  return {
    blobs: createS3BlobStore(on.s3, { url, localDir: on.dir, cacheBytes, clock: on.clock }),
    component: {
      name: 'artifacts',
      start: () =>
        on.s3.write(
          `${url.replace(/\/+$/, '')}/.trestle`,
          Readable.from([Buffer.from('Artifacts of a Trestle server.\n')])
        ),
      stop: () => on.s3.stop(),
    },
  }
}
